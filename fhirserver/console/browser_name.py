"""A short name for the browser that a User-Agent header stands for, for people.

Spec: RFC 9110 section 10.1.5. The header is whatever its sender likes; nothing depends on it.
"""

_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrom", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
"""Earlier rows first: most browsers also name those that they want to be taken for."""
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_name(header: str) -> str:
    """Name browser and system, e.g. "Firefox on Android"; or the start of what is not known."""
    browser = next((name for mark, name in _BROWSERS if mark in header), "")
    system = next((name for mark, name in _SYSTEMS if mark in header), "")
    if not browser:
        return header[:60] or "A program that says no name"
    return f"{browser} on {system}" if system else browser
