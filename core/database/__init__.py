"""The database: engine and pragmas, base class and column types, migrations."""
