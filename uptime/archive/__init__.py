"""The archive: facts as Parquet files by UTC day and bucket of connectors, readable without this program."""
