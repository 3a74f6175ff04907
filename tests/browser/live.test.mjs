// Pages that follow what happens, without a reload.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { start } from "./harness/gateway.mjs";

const rows = (page) => page.locator("main table tbody tr");

test("a rejection appears on the page within a second or two, and a filter holds", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const page = await open(browser);
  await visit(page, gateway.url("/rejections?q=line"));
  assert.match(await page.locator("main").innerText(), /no kept rejection/i);
  assert.equal(await gateway.push({ job: "bad" }, "m{ 1\n"), 400);
  assert.equal(await gateway.push({ job: "stamped" }, "m 1 1\n"), 400);
  const since = Date.now();
  await rows(page).filter({ hasText: "line 1" }).first().waitFor({ timeout: 3000 });
  assert.ok(Date.now() - since < 2500, `${Date.now() - since} ms`);
  assert.match(await page.locator("#sum").innerText(), /2 of 2|last \d/);
  unharmed(page);
});

test("the overview follows, and what is typed on a page stays", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const page = await open(browser);
  await visit(page, gateway.url("/"));
  await gateway.push({ job: "first" }, "m 1\n");
  await page.getByText("Nothing: no group fails").waitFor({ timeout: 12_000 });
  assert.equal(await gateway.push({ job: "first" }, "m 1 1\n"), 400);
  await page.getByText("1 group failing").waitFor({ timeout: 12_000 });
  await visit(page, gateway.url("/rejections"));
  await page.getByRole("searchbox").fill("typed");
  await gateway.push({ job: "first" }, "m 1 1\n");
  await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 2, null, { timeout: 5000 });
  assert.equal(await page.getByRole("searchbox").inputValue(), "typed");
  unharmed(page);
});

test("a group marks what a push has changed, its families fold, and its commands are copied", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await gateway.push({ job: "counted" }, "rows 40\nother 1\n");
  const page = await open(browser);
  await visit(page, gateway.url("/groups/job/counted"));
  await page.getByRole("button", { name: "Close all families" }).click();
  assert.equal(await page.locator("#families details[open]").count(), 0);
  await page.getByRole("button", { name: "Open all families" }).click();
  assert.equal(await page.locator("#families details[open]").count(), 2);
  await gateway.push({ job: "counted" }, "rows 42\nother 1\n");
  await page.locator(".change", { hasText: "+2" }).waitFor({ timeout: 12_000 });
  await page.locator("details.more summary").click();
  await page.getByRole("button", { name: "Copy" }).first().click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  unharmed(page);
});
