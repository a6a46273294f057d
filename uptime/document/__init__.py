"""The availability report as a document: content, charts, the printed page and the workbook."""
