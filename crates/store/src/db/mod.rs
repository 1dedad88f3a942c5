//! One small face for both databases: a statement, its parameters, rows back.
//!
//! The same SQL text runs on both where it can. Rules that make that so: parameters are `$1`, `$2` in
//! the order of their first use (SQLite numbers them so); types are `BIGINT`, `TEXT` and `BYTEA`;
//! upserts are `ON CONFLICT … excluded`; there are no booleans.

pub(crate) mod postgres;
mod reader;
pub(crate) mod sent;
pub(crate) mod sqlite;

use crate::StoreError;

pub(crate) use reader::Reader;

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A value of a row, or a parameter that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) const fn as_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(number) => Param::Int(*number),
            Self::Text(text) => Param::Text(text.as_str()),
            Self::Blob(bytes) => Param::Blob(bytes.as_slice()),
        }
    }
}

/// A row, taken column by column from the left.
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    #[cfg(test)]
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.0.collect()
    }

    /// The next value, left in place.
    pub(crate) fn first(&self) -> Option<&Value> {
        self.0.as_slice().first()
    }

    pub(crate) fn int(&mut self, table: &'static str) -> Result<i64, StoreError> {
        self.opt_int(table)?.ok_or_else(|| StoreError::corrupt(table, "a number is missing"))
    }

    pub(crate) fn opt_int(&mut self, table: &'static str) -> Result<Option<i64>, StoreError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Blob(_)) | None => {
                Err(StoreError::corrupt(table, "a column is not a number"))
            }
        }
    }

    pub(crate) fn text(&mut self, table: &'static str) -> Result<String, StoreError> {
        match self.0.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Null | Value::Int(_) | Value::Blob(_)) | None => {
                Err(StoreError::corrupt(table, "a column is not text"))
            }
        }
    }

    pub(crate) fn blob(&mut self, table: &'static str) -> Result<Vec<u8>, StoreError> {
        match self.0.next() {
            Some(Value::Blob(bytes)) => Ok(bytes),
            Some(Value::Null | Value::Int(_) | Value::Text(_)) | None => {
                Err(StoreError::corrupt(table, "a column is not bytes"))
            }
        }
    }

    pub(crate) fn opt_blob(&mut self, table: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.next() {
            Some(Value::Blob(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Int(_)) | None => {
                Err(StoreError::corrupt(table, "a column is not bytes"))
            }
        }
    }

    pub(crate) fn bytes_32(&mut self, table: &'static str) -> Result<[u8; 32], StoreError> {
        self.blob(table)?
            .try_into()
            .map_err(|_| StoreError::corrupt(table, "a hash does not have 32 bytes"))
    }
}

/// One statement of several that are sent together.
pub(crate) struct Step<'a> {
    pub(crate) sql: String,
    pub(crate) params: Vec<Param<'a>>,
    /// Parameters stand row by row; each column is one array. Only for PostgreSQL.
    pub(crate) columns: &'static [Sort],
    rows: u64,
}

impl<'a> Step<'a> {
    pub(crate) fn new(sql: impl Into<String>, params: Vec<Param<'a>>) -> Self {
        Self { sql: sql.into(), params, columns: &[], rows: 0 }
    }

    /// How many rows the step carries.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Statements that carry rows, each row with its cells in the order of the columns.
    ///
    /// `sql` makes the statement around a list of the rows, which may follow `INSERT INTO t (…)` or
    /// stand in brackets after `IN` or `FROM`; its columns are `column1`, `column2` and so on. On
    /// PostgreSQL all rows are one statement with an array a column, on SQLite they are cut into
    /// [`pieces`].
    pub(crate) fn over<'r, T>(
        is_postgres: bool,
        columns: &'static [Sort],
        rows: &'r [T],
        cells: impl Fn(&'r T) -> Vec<Param<'a>>,
        sql: impl Fn(&str) -> String,
    ) -> Vec<Self> {
        if rows.is_empty() {
            return Vec::new();
        }
        if is_postgres {
            let params = rows.iter().flat_map(&cells).collect();
            let sql = sql(&arrays(columns));
            return vec![Self { sql, params, columns, rows: rows.len() as u64 }];
        }
        pieces(rows)
            .map(|piece| {
                let list = format!("VALUES {}", values(piece.len(), columns.len()));
                let params = piece.iter().flat_map(&cells).collect();
                Self { sql: sql(&list), params, columns: &[], rows: piece.len() as u64 }
            })
            .collect()
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Int,
    Text,
    Blob,
}

/// `SELECT * FROM unnest($1::text[],$2::bigint[]) AS u (column1,column2)`.
fn arrays(columns: &[Sort]) -> String {
    let (mut arrays, mut names) = (String::new(), String::new());
    for (number, sort) in (1..).zip(columns) {
        let sort = match sort {
            Sort::Int => "bigint",
            Sort::Text => "text",
            Sort::Blob => "bytea",
        };
        let comma = if number == 1 { "" } else { "," };
        arrays.push_str(&format!("{comma}${number}::{sort}[]"));
        names.push_str(&format!("{comma}column{number}"));
    }
    format!("SELECT * FROM unnest({arrays}) AS u ({names})")
}

/// What a statement gave: rows if it selects or returns, else how many rows it touched.
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) count: u64,
}

/// Whether statements begin or end a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// They begin one that writes: on SQLite the only one, also among processes.
    Begin,
    /// They are in the middle of one.
    Within,
    /// They are its last ones; when they succeeded, the transaction is on disk.
    Commit,
}

/// One connection, used by one task at a time.
///
/// On SQLite nothing here ever waits for another task: the calls block the thread that they run on.
pub(crate) enum Conn {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Conn {
    /// Runs statements in their order; to PostgreSQL they travel together, which saves the time of
    /// all ways but one.
    ///
    /// # Errors
    /// The first failure. At [`Edge::Commit`], [`StoreError::Unknown`] if the connection was lost on
    /// the way; after any other error nothing was kept.
    pub(crate) async fn run(
        &mut self,
        edge: Edge,
        steps: &[Step<'_>],
    ) -> Result<Vec<Answer>, StoreError> {
        match self {
            Self::Sqlite(conn) => conn.run(edge, steps),
            Self::Postgres(conn) => conn.run(edge, steps).await,
        }
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(conn) => conn.execute(sql, params),
            Self::Postgres(conn) => conn.execute(sql, params).await,
        }
    }

    pub(crate) async fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(conn) => conn.query(sql, params),
            Self::Postgres(conn) => conn.query(sql, params).await,
        }
    }

    /// Several statements without parameters.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => conn.script(sql),
            Self::Postgres(conn) => conn.script(sql).await,
        }
    }

    /// Ends a transaction that failed. Whether this works does not matter: a connection that cannot
    /// roll back is thrown away, and the database rolls back by itself.
    pub(crate) async fn roll_back(&mut self) -> bool {
        self.script("ROLLBACK").await.is_ok()
    }

    /// Whether the connection is known to be lost.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(conn) => conn.is_closed(),
        }
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
        }
    }
}

/// How many rows one statement carries. Few sizes, so that few statements are prepared; the largest
/// stays far below the 32,766 parameters of SQLite and the 65,535 of PostgreSQL at 7 a row.
const ROWS: [usize; 5] = [256, 64, 16, 4, 1];

/// Cuts rows into pieces of the sizes that statements are prepared for, the largest first.
pub(crate) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = ROWS.into_iter().find(|size| *size <= rest.len())?;
        let (piece, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(piece)
    })
}

/// `($1,$2),($3,$4)` for rows of so many columns.
pub(crate) fn values(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 5);
    let mut number = 0_usize;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            number += 1;
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&number.to_string());
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_few_sizes_and_none_is_lost() {
        for length in [0, 1, 3, 5, 64, 100, 1023] {
            let rows: Vec<usize> = (0..length).collect();
            let cut: Vec<&[usize]> = pieces(&rows).collect();
            assert!(cut.iter().all(|piece| ROWS.contains(&piece.len())));
            assert_eq!(cut.concat(), rows);
        }
    }

    #[test]
    fn rows_are_one_statement_on_postgresql_and_few_on_sqlite() {
        let rows = [1, 2, 3, 4, 5];
        let steps = |is_postgres| {
            let columns = &[Sort::Int, Sort::Text];
            let cells = |row: &i64| vec![Param::Int(*row), Param::Text("a")];
            Step::over(is_postgres, columns, &rows, cells, |list| format!("({list})"))
        };
        let [one] = &steps(true)[..] else { panic!() };
        let sql = "(SELECT * FROM unnest($1::bigint[],$2::text[]) AS u (column1,column2))";
        assert_eq!((one.sql.as_str(), one.params.len()), (sql, 10));
        let [four, one] = &steps(false)[..] else { panic!() };
        assert_eq!((one.sql.as_str(), four.params.len()), ("(VALUES ($1,$2))", 8));
    }

    #[test]
    fn parameters_are_numbered_in_order() {
        assert_eq!(values(2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(values(1, 1), "($1)");
    }
}
