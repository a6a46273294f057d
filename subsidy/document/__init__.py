"""A statement as documents: the workbook with every order, and pages to print."""
