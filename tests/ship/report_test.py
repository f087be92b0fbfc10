import html
import json
import re
import unittest
from pathlib import Path

from apt2ostree.image.compose import Options
from apt2ostree.ship import diff, report
from tests.support import browser
from tests.support.debs import control, deb, file, hardlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build, tree

HOSTILE = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)>"

MEASURE = """<script>{
document.querySelectorAll("details").forEach(details => details.open = true);
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const numbers = color => (color.match(/[\\d.]+/g) || []).map(Number);
const light = color => {
    const [r, g, b] = numbers(color).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
    for (let at = element; at; at = at.parentElement) {
        const back = getComputedStyle(at).backgroundColor;
        if (numbers(back)[3] !== 0) return back;
    }
    return "rgb(255, 255, 255)";
};
const found = {font: 99, contrast: 99, where: "", texts: 0};
while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg"))
        continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [low, high] = [light(style.color), light(behind(element))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    found.texts++;
    found.font = Math.min(found.font, parseFloat(style.fontSize));
    if (contrast < found.contrast) {
        found.contrast = contrast;
        found.where = texts.currentNode.data.trim().slice(0, 30).replace(/[{}]/g, "");
    }
}
found.wide = document.documentElement.scrollWidth;
found.window = innerWidth;
document.title = "measured " + JSON.stringify(found);
}</script></body>"""
"""The page's width, its smallest font and its weakest contrast (WCAG 2.1, 1.4.3), as its title."""


class ReportCase(ScratchTest):
    def image(self, name: str = "image") -> Variant:
        return build(
            self.scratch / name,
            [
                deb(
                    file("./usr/bin/app", b"1" * 5000),
                    hardlink("./usr/bin/twin", "./usr/bin/app"),
                    control=control(
                        "app",
                        Depends="lib (>= 1)",
                        Recommends="asked",
                        Section="net",
                        Priority="optional",
                    ),
                ),
                deb(file("./usr/share/asked", b"4" * 700), control=control("asked")),
                deb(
                    file("./usr/lib/lib.so", b"2" * 9000),
                    control=control("lib", "1.5", Description=HOSTILE),
                ),
                deb(file("./usr/share/f", b"3"), control=control("core", Essential="yes")),
            ],
            {"//a:layer": tree({"etc/greeting": b"5" * 900})},
            options=Options(automatic=["lib:amd64"]),
        )


class ReportTest(ReportCase):
    def data(self, page: str) -> dict[str, object]:
        found = re.search(
            r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
        )
        assert found
        return json.loads(found[1])  # type: ignore[no-any-return]

    def test_sizes_needs_duplicates_and_the_largest(self) -> None:
        data = self.data(report.page(self.image().built))
        parts = {item["name"]: item for item in data["parts"]}  # type: ignore[attr-defined]
        self.assertGreater(parts["lib"]["bytes"], 9000)
        self.assertEqual(parts["app"]["needs"], [[3, 1], [1, 0]])
        self.assertEqual(data["largest"][0][:2], ["usr/lib/lib.so", 9000])  # type: ignore[index]
        self.assertEqual(data["duplicates"][0], [5000, ["usr/bin/app", "usr/bin/twin"]])  # type: ignore[index]

    def test_changes_against_another_image(self) -> None:
        old = build(self.scratch / "old", [deb(control=control("lib", "1.2"))])
        new = self.image()
        page = report.page(new.built, diff.compare(old.manifest, new.manifest), "os/main")
        changes = self.data(page)["changes"]
        self.assertEqual(changes["against"], "os/main")  # type: ignore[index]
        groups = {group["name"]: group for group in changes["groups"]}  # type: ignore[index]
        self.assertEqual(groups["lib"]["package"]["kind"], "upgraded")
        self.assertIn(["added", "usr/lib/lib.so", "", 9000], groups["lib"]["files"])
        self.assertGreater(groups["lib"]["folded"], 0)

    def test_why_a_package_is_in_is_what_the_lock_says(self) -> None:
        data = self.data(report.page(self.image().built))
        found = {part["name"]: part["why"] for part in data["parts"]}  # type: ignore[attr-defined]
        self.assertEqual(
            found,
            {
                # The lock names it, although `app` recommends it.
                "asked": "asked for",
                "app": "asked for",
                "lib": "needed",
                "core": "Essential",
                "//a:layer": "layer",
                "dpkg's database": "generated",
            },
        )

    def test_nothing_is_asked_of_anybody(self) -> None:
        page = report.page(self.image().built)
        self.assertIn("default-src 'none'", page)
        start, _, rest = page.partition('id="data">')
        data, _, code = rest.partition("</script>")
        self.assertNotIn("<", data)
        self.assertIsNone(re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", start + code))


class ChromiumTest(ReportCase):
    """What a browser makes of the page."""

    def page(self, text: str = "", name: str = "report.html") -> Path:
        path = self.scratch / name
        path.write_text(text or report.page(self.image().built), encoding="utf-8")
        return path

    def test_it_draws_both_treemaps_and_the_graph(self) -> None:
        dom = browser.visit(self, self.page()).dom
        found = {
            "ready": 'data-ready="yes"' in dom,
            "chain": re.search(r"In because: .*app.*lib", dom) is not None,
            "graph": "<svg" in dom,
            "no markup out of a description": "<img" not in dom,
        }
        for part in ("package-map", "directory-map"):
            found[part] = f'id="{part}"><button' in dom
        self.assertEqual([what for what, holds in found.items() if not holds], [])

    def test_nothing_is_requested_and_the_console_stays_empty(self) -> None:
        seen = browser.visit(self, self.page())
        self.assertEqual((seen.console, seen.requests), ((), ()))

    def test_a_page_that_did_otherwise_would_be_found_out(self) -> None:
        page = self.page('<img src="http://example.org/x.png"><script>mistake()</script>', "x.html")
        seen = browser.visit(self, page)
        self.assertEqual(seen.requests, ("http://example.org/x.png",))
        self.assertIn("mistake is not defined", seen.console[0])

    def test_every_width_and_scheme_can_be_read(self) -> None:
        """Nothing is to be scrolled sideways, magnified, or guessed for want of contrast."""
        old = build(self.scratch / "old", [deb(control=control("lib", "1.2"))])
        new = self.image()
        commit = "0123456789abcdef" * 4
        text = report.page(new.built, diff.compare(old.manifest, new.manifest), commit)
        self.assertEqual(text.count("</body>"), 1)
        text = text.replace("<details>", "<details open>").replace("</body>", MEASURE)
        dark = "@media (prefers-color-scheme: dark)"
        self.assertEqual(text.count(dark), 1)
        for scheme, query in (("light", "@media not all"), ("dark", "@media all")):
            self.page(text.replace(dark, query), f"{scheme}.html")
            for width in (390, 1280):
                with self.subTest(scheme=scheme, width=width):
                    # A frame, because a browser's window may have a least width.
                    frame = self.page(
                        f'<iframe id="f" src="{scheme}.html" width="{width}" height="800"></iframe>'
                        "<script>onload = () => document.body.append(f.contentDocument.title)"
                        "</script>",
                        f"{scheme}-{width}.html",
                    )
                    seen = browser.visit(self, frame)
                    self.assertEqual(seen.console, ())
                    found = re.search(r"measured (\{.*?\})", html.unescape(seen.dom))
                    assert found, seen.dom
                    measured = json.loads(found[1])
                    self.assertLessEqual(measured["wide"], measured["window"])
                    self.assertGreaterEqual(measured["font"], 11)
                    self.assertGreaterEqual(measured["contrast"], 4.5, measured["where"])
                    self.assertGreater(measured["texts"], 50)


if __name__ == "__main__":
    unittest.main()
