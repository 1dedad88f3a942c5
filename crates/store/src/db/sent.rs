//! Parameters as they travel to PostgreSQL: single values, or a whole column as an array.

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::{Param, Sort, Step};

/// One parameter of a statement.
#[derive(Debug)]
pub(crate) enum Sent<'a> {
    One(Param<'a>),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Blobs(Vec<Option<&'a [u8]>>),
}

impl<'a> Sent<'a> {
    /// The parameters of a step: as they are, or turned into columns.
    pub(crate) fn of(step: &Step<'a>) -> Vec<Self> {
        if step.columns.is_empty() {
            return step.params.iter().copied().map(Self::One).collect();
        }
        Self::columns(step.columns, &step.params)
    }

    /// Turns cells that stand row by row into columns. A cell of another sort than its column's is
    /// no value, which every column here refuses.
    pub(crate) fn columns(columns: &[Sort], cells: &[Param<'a>]) -> Vec<Self> {
        let column = |at: usize| cells.iter().skip(at).step_by(columns.len());
        let sent = columns.iter().enumerate().map(|(at, sort)| match sort {
            Sort::Int => Self::Ints(
                column(at)
                    .map(|cell| match cell {
                        Param::Int(number) => Some(*number),
                        Param::Null | Param::Text(_) | Param::Blob(_) => None,
                    })
                    .collect(),
            ),
            Sort::Text => Self::Texts(
                column(at)
                    .map(|cell| match cell {
                        Param::Text(text) => Some(*text),
                        Param::Null | Param::Int(_) | Param::Blob(_) => None,
                    })
                    .collect(),
            ),
            Sort::Blob => Self::Blobs(
                column(at)
                    .map(|cell| match cell {
                        Param::Blob(bytes) => Some(*bytes),
                        Param::Null | Param::Int(_) | Param::Text(_) => None,
                    })
                    .collect(),
            ),
        });
        sent.collect()
    }
}

impl ToSql for Sent<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::One(one) => one.to_sql_checked(ty, out),
            Self::Ints(column) => column.to_sql_checked(ty, out),
            Self::Texts(column) => column.to_sql_checked(ty, out),
            Self::Blobs(column) => column.to_sql_checked(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <Param<'_> as ToSql>::accepts(ty)
            || matches!(*ty, Type::INT8_ARRAY | Type::TEXT_ARRAY | Type::BYTEA_ARRAY)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_turned_into_columns() {
        let cells = [Param::Text("a"), Param::Int(1), Param::Text("b"), Param::Null];
        let columns = Sent::columns(&[Sort::Text, Sort::Int], &cells);
        let [Sent::Texts(texts), Sent::Ints(ints)] = &columns[..] else { panic!() };
        assert_eq!(texts, &[Some("a"), Some("b")]);
        assert_eq!(ints, &[Some(1), None]);
    }

    #[test]
    fn no_rows_are_empty_columns() {
        let columns = Sent::columns(&[Sort::Blob, Sort::Int], &[]);
        assert!(matches!(&columns[..], [Sent::Blobs(blobs), Sent::Ints(ints)]
            if blobs.is_empty() && ints.is_empty()));
    }
}
