//! Every defence names a test; every test that is named exists.

use std::collections::BTreeSet;

use super::Fault;

/// The documents that rest on tests.
const DOCUMENTS: [&str; 2] = ["docs/design/threat-model.md", "docs/design/controls.md"];

/// Names of tests that documents and comments rest on, and the functions there are.
#[derive(Default)]
pub struct Guards {
    functions: BTreeSet<String>,
    named: Vec<(String, usize, String)>,
}

impl Guards {
    /// Notes the functions of a Rust file and the tests named in `// SECURITY:` comments.
    pub fn add_rust(&mut self, path: &str, text: &str) {
        let mut is_security = false;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim_start();
            if let Some((_, rest)) = content.split_once("fn ") {
                let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
                self.functions.extend(name.map(str::to_owned));
            }
            is_security =
                content.starts_with("//") && (is_security || content.contains("SECURITY:"));
            if is_security {
                self.name_tests(path, line, content);
            }
        }
    }

    /// Notes the tests that the threat model and the list of controls name.
    pub fn add_document(&mut self, path: &str, text: &str) {
        if DOCUMENTS.contains(&path) {
            for (line, content) in (1..).zip(text.lines()) {
                self.name_tests(path, line, content);
            }
        }
    }

    fn name_tests(&mut self, path: &str, line: usize, content: &str) {
        for span in content.split('`').skip(1).step_by(2).filter(|span| is_sentence(span)) {
            self.named.push((path.to_owned(), line, span.to_owned()));
        }
    }

    /// Tests that are named and do not exist.
    pub fn check(&self) -> Vec<Fault> {
        let missing = self.named.iter().filter(|(_, _, name)| !self.functions.contains(name));
        missing
            .map(|(path, line, name)| {
                Fault::new(path, *line, format!("no test is called `{name}`"))
            })
            .collect()
    }
}

/// Test names are sentences: at least four words, which no field or constant here has.
fn is_sentence(span: &str) -> bool {
    span.split('_').count() >= 4
        && span.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_a_defence_rests_on_must_exist() {
        let mut guards = Guards::default();
        guards.add_rust(
            "a.rs",
            "// SECURITY: x. Guarded by\n// `no_cell_starts_a_formula`.\nfn f() {}\n",
        );
        guards.add_document(
            DOCUMENTS[0],
            "| `a_thing_that_is_tested` | `Reader::read` | `one_two` |\n",
        );
        guards.add_document("docs/x.md", "`this_is_not_looked_at`\n");
        assert_eq!(guards.check().len(), 2);
        guards.add_rust("b.rs", "fn no_cell_starts_a_formula() {}\n  fn a_thing_that_is_tested(\n");
        assert_eq!(guards.check(), Vec::new());
    }
}
