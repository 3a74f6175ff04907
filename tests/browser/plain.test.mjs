// Without JavaScript, below another path, and what the answers say to a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { typical } from "./harness/fixtures.mjs";
import { start } from "./harness/gateway.mjs";
import { proxy } from "./harness/proxy.mjs";

const rows = (page) => page.locator("main table tbody tr");

test("everything can be read and checked without JavaScript", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await typical(gateway);
  const page = await open(browser, { javaScriptEnabled: false });
  await visit(page, gateway.url("/"));
  assert.match(await page.locator("main").innerText(), /groups/i);
  await page.getByRole("link", { name: "Groups", exact: true }).first().click();
  await page.getByRole("searchbox").fill("db3");
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL(/q=db3/);
  assert.equal(await rows(page).count(), 1);
  await rows(page).locator("a[href*='groups/job']").first().click();
  await page.waitForURL(/\/groups\/job/);
  assert.ok((await page.locator("main").textContent()).includes("backup_bytes"));
  await page.getByRole("link", { name: "Check", exact: true }).first().click();
  await page.locator("main input[name=path]").fill("/job/checked");
  await page.locator("main textarea").fill("m 1\nn{ 2\n");
  await page.locator("main").getByRole("button", { name: /check/i }).click();
  assert.match(await page.locator("main").innerText(), /line 2/);
  await page.locator("main textarea").fill("m 1\nn 2\n");
  await page.locator("main").getByRole("button", { name: /check/i }).click();
  assert.match(await page.locator("main").innerText(), /2 families/);
  assert.equal(await gateway.scrape("checked"), "", "nothing is stored");
  assert.deepEqual(page.faults.filter((fault) => !/status of 400/.test(fault)), []);
});

test("without JavaScript groups can be deleted, too", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await typical(gateway);
  const page = await open(browser, { javaScriptEnabled: false });
  await visit(page, gateway.url("/groups/job/backup/instance/db2.example.org"));
  await page.getByRole("button", { name: /delete/i }).or(page.getByRole("link", { name: /delete/i })).first().click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  await page.locator("main").getByRole("button", { name: /delete/i }).click();
  await page.getByText(/deleted/i).first().waitFor();
  assert.ok(!(await gateway.scrape("backup")).includes("db2"));
  unharmed(page);
});

test("all links and forms stay below the route prefix", async (t) => {
  const prefix = "/some/gateway";
  const [gateway, browser] = [await start(t, { flags: [`--web.route-prefix=${prefix}`], prefix }), await launch(t)];
  await typical(gateway);
  const page = await open(browser);
  const [seen, waiting] = [new Set(), [gateway.url("/")]];
  const bare = (url) => url.replace(/[?#].*/, "");
  while (waiting.length > 0 && seen.size < 60) {
    const url = waiting.shift();
    if (seen.has(bare(url))) continue;
    seen.add(bare(url));
    const answer = await page.goto(url);
    assert.ok(answer.status() < 400, `${url}: ${answer.status()}`);
    if (!/html/.test(answer.headers()["content-type"])) continue;
    const targets = await page.evaluate(() => [
      ...[...document.querySelectorAll("a[href], link[href]")].map((link) => link.href),
      ...[...document.querySelectorAll("script[src], img[src]")].map((script) => script.src),
      ...[...document.forms].map((form) => form.action),
    ]);
    const own = targets.filter((target) => target.startsWith(gateway.origin));
    for (const target of own) assert.ok(target.startsWith(gateway.url("/")) || bare(target) === gateway.url(""), `${url} leads to ${target}`);
    waiting.push(...own.filter((target) => !/delete|wipe|quit/.test(target)));
  }
  for (const page of ["/groups", "/jobs", "/status", "/check"]) assert.ok(seen.has(gateway.url(page)), page);
  assert.ok([...seen].some((url) => /groups\/job/.test(url)), "a group");
  await visit(page, gateway.url("/"));
  await page.locator(".plot p").first().waitFor();
  unharmed(page);
});

test("behind a proxy that takes a prefix off, links and forms keep it", async (t) => {
  const browser = await launch(t);
  const { port, forwardTo } = await proxy(t, "/outside");
  const flags = [`--web.external-url=http://127.0.0.1:${port}/outside`, "--web.route-prefix=/"];
  const gateway = await start(t, { flags });
  forwardTo(gateway.port);
  await typical(gateway);
  const page = await open(browser);
  const outside = `http://127.0.0.1:${port}/outside`;
  await visit(page, `${outside}/`);
  for (const section of ["Groups", "Jobs", "Rejections", "Check", "Status", "Overview"]) {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: section, exact: true }).click();
    await page.getByRole("heading", { level: 1, name: new RegExp(section) }).waitFor();
    assert.ok(page.url().startsWith(`${outside}/`), page.url());
  }
  await visit(page, `${outside}/groups?q=db1`);
  await rows(page).locator("a[href*='groups/job']").first().click();
  await page.getByRole("button", { name: /delete/i }).click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  await page.locator("main").getByRole("button", { name: /delete/i }).click();
  await page.getByText(/deleted/i).first().waitFor();
  assert.ok(page.url().startsWith(`${outside}/`), page.url());
  assert.ok(!(await gateway.scrape("backup")).includes("db1"));
  unharmed(page);
});

test("pages come with a strict policy, and assets with a name for ever", async (t) => {
  const gateway = await start(t);
  await typical(gateway);
  for (const path of ["/", "/groups", "/groups/job/backup/instance/db1.example.org", "/jobs", "/jobs/backup", "/status", "/check"]) {
    const answer = await fetch(gateway.url(path));
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|\*/, path);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    const html = await answer.text();
    assert.doesNotMatch(html, /<style|style=|\son\w+=|javascript:/i, path);
    for (const [, asset] of html.matchAll(/(?:href|src)="([^"]*\/static\/[^"]*)"/g)) {
      const got = await fetch(new URL(asset.replaceAll("&amp;", "&"), answer.url));
      assert.equal(got.status, 200, asset);
      assert.match(got.headers.get("cache-control"), /immutable/, asset);
      assert.doesNotMatch(got.headers.get("content-type"), /html/);
      await got.arrayBuffer();
    }
  }
});
