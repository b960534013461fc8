"""Settings → Branding: what the form does, and the preview of what is not saved yet, in a real browser."""

from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect
from tests.dashboard.conftest import PASSWORD, make_operator
from tests.support.browser import accessibility_problems, overflow, picture, tab

# What a browser shows does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
PATH = "/dashboard/settings/branding"
GREEN = "rgb(15, 118, 60)"


def logo_file(color: str = "#0f763c") -> bytes:
    image = Image.new("RGBA", (800, 200))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, 200, 200), 40, fill=color)
    draw.rectangle((240, 60, 800, 140), fill=color)
    output = BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def sign_in_page(page: Page, email: str) -> None:
    page.goto("/dashboard/sign-in")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard")


def test_the_preview_shows_what_is_not_saved(
    app: Flask, browser: Browser, base_url: str, community_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(logo_file())
    make_operator(community_id, "admin", "ann@example.com")
    with tab(browser, base_url, viewport={"width": 1280, "height": 900}) as page:
        sign_in_page(page, "ann@example.com")
        page.goto(PATH)
        light = page.frame_locator("iframe >> nth=0")
        dark = page.frame_locator("iframe >> nth=1")
        expect(light.get_by_role("img")).to_have_count(0)
        page.get_by_label("English").fill("Glad that you are here.")
        page.get_by_label("A colour of your own").check()
        page.get_by_label("The colour").fill("#0f763c")
        page.get_by_label("Logo").set_input_files(file)
        page.get_by_label("Privacy policy").fill("https://example.com/privacy")
        for frame in (light, dark):
            expect(frame.get_by_text("Glad that you are here.")).to_have_count(1)
            expect(frame.locator(".brand img")).to_have_attribute("alt", "My community")
            expect(frame.get_by_text("Privacy")).to_have_count(1)
        assert light.locator(".brand img").evaluate("image => image.naturalWidth") == 480
        button = light.locator("button").first
        expect(button).to_have_css("background-color", GREEN)
        expect(button).to_have_css("color", "rgb(255, 255, 255)")
        expect(light.locator("body")).to_have_css("background-color", "rgb(244, 245, 248)")
        expect(dark.locator("body")).to_have_css("background-color", "rgb(14, 16, 21)")
        assert "Glad" not in app.test_client().get("/login").text
        assert accessibility_problems(page) == []
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()
        picture(page, "branding-light")
    with tab(browser, base_url, viewport={"width": 390, "height": 800}, color_scheme="dark") as page:
        page.goto("/login")
        picture(page, "branding-login")
        assert accessibility_problems(page) == []
        sign_in_page(page, "ann@example.com")
        page.goto(PATH)
        picture(page, "branding-390")
        assert overflow(page) == 0
        assert accessibility_problems(page) == []
