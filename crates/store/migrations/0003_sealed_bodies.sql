-- Why: sealed bodies look like noise. PostgreSQL tries to compress every value that is longer than
-- about 2,000 bytes before it stores it aside, and never gains a byte here; that cost a third of the
-- time of changing a document of 3 KiB. EXTERNAL stores them aside as they are.
--
-- SQLite never compresses: between /*P and P*/ stands what only PostgreSQL runs.
/*P
ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE answers ALTER COLUMN body SET STORAGE EXTERNAL;
P*/
