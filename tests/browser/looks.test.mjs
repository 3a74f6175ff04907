// Every page in light and dark and on a phone: for those who see it, for those who do not, and as a picture.
import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, NARROWEST, PHONE, fitsItsWidth, isAccessible, launch, open, screenshot, unharmed, visit } from "./harness/browser.mjs";
import { typical } from "./harness/fixtures.mjs";
import { start } from "./harness/gateway.mjs";

const PAGES = {
  overview: "/",
  groups: "/groups",
  "groups-empty": "/groups?q=no-such-thing",
  group: "/groups/job/backup/instance/db1.example.org",
  "group-native": "/groups/job/native/instance/n1",
  "group-failed": "/groups/job/import/instance/w2",
  rejections: "/rejections",
  jobs: "/jobs",
  job: "/jobs/import",
  status: "/status",
  check: "/check",
};

const LOOKS = {
  light: { colorScheme: "light", viewport: DESKTOP },
  dark: { colorScheme: "dark", viewport: DESKTOP },
  narrow: { colorScheme: "light", viewport: PHONE, isMobile: true, hasTouch: true },
  "narrow-dark": { colorScheme: "dark", viewport: PHONE, isMobile: true, hasTouch: true },
};

/** What is cut off, or sticks out of the screen: nothing, on any page. Tables and commands may be scrolled by themselves. */
const cutOff = (page) =>
  page.evaluate(() => {
    const scrolls = (element) => element.closest(".scroll, pre, textarea, .plot, .hidden, .skip, svg, select");
    return [...document.querySelectorAll("body *")]
      .filter((element) => !scrolls(element) && element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120));
  });

/** The luminance of the page's background, from 0 to 255. */
const brightness = (page) =>
  page.evaluate(() => {
    const colour = getComputedStyle(document.body).backgroundColor;
    const shown = /rgba?\(0, 0, 0, 0\)/.test(colour) ? getComputedStyle(document.documentElement).backgroundColor : colour;
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = shown;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });

test("pages look right", async (t) => {
  const [gateway, browser] = [await start(t, { flags: ["--web.enable-admin-api"] }), await launch(t)];
  await typical(gateway);
  // The plots have something to show after the second sample of the history.
  await t.test("there is a history", { timeout: 40_000 }, async () => {
    for (;;) {
      const { data } = await (await fetch(gateway.url("/api/v1/history"))).json();
      if (data.time.length >= 2) break;
      await fetch(gateway.url("/metrics"));
      await gateway.push({ job: "nightly-report", region: "eu" }, "report_rows 120934\nreport_errors 0\n");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await open(browser, options);
    for (const [name, path] of Object.entries(PAGES)) {
      await t.test(`${name}, ${look}`, async () => {
        await visit(page, gateway.url(path));
        if (name === "overview") await page.locator(".plot canvas").first().waitFor();
        await screenshot(page, `${name}-${look}`);
        const bright = await brightness(page);
        assert.ok(look.endsWith("dark") ? bright < 80 : bright > 175, `the background: ${bright}`);
        await fitsItsWidth(page);
        await isAccessible(page);
        if (look.startsWith("narrow")) {
          await page.setViewportSize(NARROWEST);
          await fitsItsWidth(page);
          assert.deepEqual(await cutOff(page), []);
          await page.setViewportSize(PHONE);
        }
        const title = await page.title();
        assert.ok(title.length > 0 && title !== (await page.locator("html").getAttribute("lang")));
        unharmed(page);
      });
    }
    await page.context().close();
  }
});

test("what a check has found looks right", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await typical(gateway);
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await open(browser, options);
    for (const [name, body] of [["good", "m 1\n"], ["bad", "m 1\n# TYPE n gauge\nn{a=1} 2\n"]]) {
      await visit(page, gateway.url("/check"));
      await page.locator("main input[name=path]").fill("/job/checked");
      await page.locator("main textarea").fill(body);
      await page.locator("main").getByRole("button", { name: /check/i }).click();
      await page.waitForLoadState();
      await screenshot(page, `check-${name}-${look}`);
      await fitsItsWidth(page);
      await isAccessible(page);
    }
  }
});

test("what is about to be deleted looks right", async (t) => {
  const [gateway, browser] = [await start(t, { flags: ["--web.enable-admin-api"] }), await launch(t)];
  await typical(gateway);
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await open(browser, options);
    await visit(page, gateway.url("/groups/job/backup/instance/db1.example.org"));
    await page.getByRole("button", { name: /delete/i }).or(page.getByRole("link", { name: /delete/i })).first().click();
    await page.getByRole("heading", { name: /delete/i }).waitFor();
    await screenshot(page, `delete-${look}`);
    await fitsItsWidth(page);
    await isAccessible(page);
    unharmed(page);
  }
});

test("everything can be reached by the keyboard", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await typical(gateway);
  const page = await open(browser);
  await visit(page, gateway.url("/groups"));
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute("name"));
  await page.keyboard.press("Tab");
  assert.match(await focused(), /skip/i, "first a way past the menu");
  await page.keyboard.press("Enter");
  assert.match(page.url(), /#/);
  const seen = new Set();
  for (let at = 0; at < 80; at += 1) {
    await page.keyboard.press("Tab");
    seen.add(await focused());
    const outline = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return true;
      const style = getComputedStyle(element);
      return style.outlineStyle !== "none" || style.boxShadow !== "none";
    });
    assert.ok(outline, `one sees where the focus is: ${await focused()}`);
  }
  assert.ok(seen.has("q"), "the search");
  assert.ok([...seen].some((text) => /series/i.test(text)), "a heading that sorts");
});
