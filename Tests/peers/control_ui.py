"""The Control UI in a real browser (Debian's chromium, driven by playwright), against a running gateway.

usage: control_ui.py URL TOKEN [DIRECTORY]
With DIRECTORY, pictures of every step are left there. Exits 1 with the reason at the first thing that is not as it should be.
"""

import pathlib
import sys
import time

from playwright.sync_api import sync_playwright


def require(truth, words):
    if not truth:
        sys.exit(f"control_ui.py: {words}")


def wait(page, words, condition, seconds=30):
    """Playwright's own wait_for_function evaluates a string, which the page's policy rightly forbids."""
    deadline = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < deadline, f"waited for: {words}")
        page.wait_for_timeout(50)


class Visit:
    """One browser window; whatever the page complains about fails the check."""

    def __init__(self, browser, pictures, **options):
        self.page = browser.new_context(**options).new_page()
        self.pictures = pictures
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def online(self):
        self.page.wait_for_selector("#connection[data-state=online]", timeout=20000)

    def picture(self, name):
        if self.pictures:
            self.page.screenshot(path=str(self.pictures / f"{name}.png"))

    def say(self, text):
        feet = self.page.locator(".message.assistant .foot")
        answers = feet.count()
        self.page.fill("#draft", text)
        self.page.keyboard.press("Enter")
        wait(self.page, "the answer", lambda: feet.count() > answers)
        self.page.wait_for_selector("#stop", state="hidden", timeout=30000)

    def fits(self):
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        require(not wide, "the page is wider than the window")


def desk(browser, pictures, url, token):
    visit = Visit(browser, pictures, viewport={"width": 1200, "height": 800}, color_scheme="light")
    page = visit.page
    page.goto(url)
    page.wait_for_selector("#gate[open]")
    visit.picture("token")
    page.fill("#gate-token", "not the token")
    page.keyboard.press("Enter")
    page.wait_for_selector("#gate-error:not([hidden])")
    require("token mismatch" in page.inner_text("#gate-error"), "a wrong token is not told")
    page.fill("#gate-token", token)
    page.keyboard.press("Enter")
    visit.online()
    require(not page.locator("#gate").is_visible(), "the token prompt stays")

    # The main conversation may hold something already.
    page.click("#new-session")
    page.wait_for_selector(".empty")
    visit.say("Hello, who are you?")
    require(page.locator(".message.user").count() == 1, "the message is shown not once")
    visit.picture("answer")
    page.reload()
    visit.online()
    page.wait_for_selector(".message.assistant .foot")
    require(page.locator(".message.user").count() == 1, "the history is not there after a reload")

    page.click("nav a[data-page=workers]")
    page.wait_for_selector('.worker[data-id="gateway"] .pill.ok')
    require(page.url.endswith("/workers"), f"the address is {page.url}")
    line = page.locator(".spark .line").first
    wait(page, "a line of memory over time", lambda: "L" in (line.get_attribute("d") or ""))
    visit.picture("workers")
    page.click('[aria-label="Restart agent:main"]')
    page.click("#confirm .danger")
    page.wait_for_selector('.worker[data-id="agent:main"] button:text-is("Restarting")')
    page.wait_for_selector('.worker[data-id="agent:main"] button:text-is("Restart")', timeout=20000)

    page.click("nav a[data-page=channels]")
    page.wait_for_selector('.channel[aria-label="Telegram"] .pill.ok')
    page.wait_for_selector('.channel[aria-label="WebChat"] .pill.ok')
    require(page.url.endswith("/channels"), f"the address is {page.url}")
    page.click("#probe")
    page.wait_for_selector('.channel[aria-label="Telegram"] p:has-text("Check")', timeout=20000)
    visit.picture("channels")
    page.click('[aria-label="Stop Telegram"]')
    page.click("#confirm-yes")
    page.click('[aria-label="Start Telegram"]', timeout=20000)
    page.wait_for_selector('.channel[aria-label="Telegram"] .pill.ok', timeout=20000)
    page.click("nav a[data-page=workers]")

    # The gateway itself: the page comes back by itself and the conversation goes on.
    page.click('[aria-label="Restart gateway"]')
    page.click("#confirm .danger")
    page.wait_for_selector("#connection:not([data-state=online])", timeout=20000)
    visit.online()
    page.click("nav a[data-page=chat]")
    visit.say("Are you still there?")
    require(page.locator(".message.user").count() == 2, "after the restart the conversation is not whole")
    require(not visit.complaints, f"the page complains: {visit.complaints}")


def phone(browser, pictures, url, token):
    visit = Visit(
        browser,
        pictures,
        viewport={"width": 390, "height": 780},
        color_scheme="dark",
        is_mobile=True,
        has_touch=True,
        device_scale_factor=2,
    )
    page = visit.page
    page.goto(f"{url}/workers#token={token}")
    visit.online()
    require(token not in page.url, "the token stays in the address")
    page.wait_for_selector(".worker")
    visit.fits()
    visit.picture("phone-workers")
    page.tap("nav a[data-page=channels]")
    page.wait_for_selector(".channel .pill.ok")
    visit.fits()
    visit.picture("phone-channels")
    page.tap("nav a[data-page=usage]")
    page.wait_for_selector("#plot svg")
    visit.fits()
    visit.picture("phone-usage")
    page.tap("nav a[data-page=chat]")
    page.wait_for_selector("#log > *")
    visit.fits()
    page.tap("#menu")
    page.wait_for_selector("#sessions button")
    wait(page, "the open menu", lambda: page.locator("#sidebar").bounding_box()["x"] == 0)
    visit.picture("phone-sessions")
    page.locator("#sessions button", has_not_text="Main").first.tap()
    page.wait_for_selector(".message.assistant .foot")
    visit.fits()
    visit.picture("phone-answer")
    page.tap("#menu")
    page.tap("#new-session")
    page.wait_for_selector(".empty")
    visit.picture("phone-new")
    require(not visit.complaints, f"the page complains: {visit.complaints}")


def main():
    url, token = sys.argv[1].rstrip("/"), sys.argv[2]
    pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        desk(browser, pictures, url, token)
        phone(browser, pictures, url, token)
        browser.close()
    print("control_ui.py: token, chat, reload, workers, channels, restart of agent and gateway, phone: as they should be")


if __name__ == "__main__":
    require(len(sys.argv) in (3, 4), "usage: control_ui.py URL TOKEN [DIRECTORY]")
    main()
