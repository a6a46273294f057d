"""A printed page as PDF, where WeasyPrint is installed (the extra `pdf`); nothing else in chargewatch needs it."""

import hashlib
import logging

from chargewatch.errors import Refusal


def pdf(page: str) -> bytes:
    """The PDF of an HTML page that loads nothing. Refusal where WeasyPrint is missing.

    The same page gives the same bytes on machines with the same fonts and the same WeasyPrint: no date is written, and
    the file's identifier is the digest of the page.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: Pango, which it draws text with, is missing
        raise Refusal(
            f"a PDF needs WeasyPrint, which cannot be loaded: {error}",
            "pip install 'chargewatch[pdf]' and, on Debian, apt install libpangoft2-1.0-0 fonts-noto-cjk;"
            " or print the HTML page from a browser",
        ) from None
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # what it does not know of the style is said there
    identifier = hashlib.sha256(page.encode()).digest()[:16]
    written: bytes = HTML(string=page, url_fetcher=_nothing).write_pdf(pdf_identifier=identifier)
    return written


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a printed page loads nothing, and this one asks for {url}")
