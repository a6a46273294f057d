"""What becomes of a statement: shown, confirmed or contested, approved, issued, paid, adjusted; budget and recovery."""
