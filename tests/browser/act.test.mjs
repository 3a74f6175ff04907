// Deleting: each act is confirmed first, and only our own pages can ask for it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { start } from "./harness/gateway.mjs";

const rows = (page) => page.locator("main table tbody tr");
const BODY = "m 1\n";

async function three(gateway) {
  for (const instance of ["a", "b", "c"]) assert.equal(await gateway.push({ job: "three", instance }, BODY), 200);
}

async function left(gateway) {
  return [...(await gateway.scrape("three")).matchAll(/^m\{instance="(\w)"/gm)].map(([, instance]) => instance).sort().join("");
}

test("a group is deleted once that is confirmed", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await three(gateway);
  const page = await open(browser);
  await visit(page, gateway.url("/groups/job/three/instance/b"));
  await page.getByRole("button", { name: /delete/i }).or(page.getByRole("link", { name: /delete/i })).first().click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  assert.match(await page.locator("main").innerText(), /three[^]*b/, "it names what goes");
  assert.equal(await left(gateway), "abc");

  await page.getByRole("link", { name: /cancel|keep|back/i }).first().click();
  await page.waitForLoadState();
  assert.equal(await left(gateway), "abc");

  await visit(page, gateway.url("/groups/job/three/instance/b"));
  await page.getByRole("button", { name: /delete/i }).or(page.getByRole("link", { name: /delete/i })).first().click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  await page.locator("main").getByRole("button", { name: /delete/i }).click();
  await page.getByText(/deleted/i).first().waitFor();
  assert.equal(await left(gateway), "ac");
  await page.reload();
  assert.equal(await left(gateway), "ac", "a reload deletes nothing");
  unharmed(page);
});

test("a selection is deleted, and all that match", async (t) => {
  const [gateway, browser] = [await start(t, { flags: ["--web.enable-admin-api"] }), await launch(t)];
  await three(gateway);
  assert.equal(await gateway.push({ job: "other", instance: "z" }, BODY), 200);
  const page = await open(browser);
  await visit(page, gateway.url("/groups?job=three"));
  await rows(page).nth(0).getByRole("checkbox").check();
  await rows(page).nth(2).getByRole("checkbox").check();
  await page.getByRole("button", { name: /delete.*select/i }).click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  assert.match(await page.locator("main").innerText(), /2 groups/);
  await page.locator("main").getByRole("button", { name: /delete/i }).click();
  await page.getByText(/deleted/i).first().waitFor();
  assert.equal(await left(gateway), "b");

  await three(gateway);
  await visit(page, gateway.url("/groups?job=three"));
  await page.getByRole("button", { name: /delete all/i }).or(page.getByRole("link", { name: /delete all/i })).first().click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  assert.match(await page.locator("main").innerText(), /3 groups/);
  await page.locator("main").getByRole("button", { name: /delete/i }).click();
  await page.getByText(/deleted/i).first().waitFor();
  assert.equal(await left(gateway), "");
  assert.match(await gateway.scrape("other"), /^m\{instance="z"/m, "the others stay");
  unharmed(page);
});

test("everything is wiped where that is allowed, and only there", async (t) => {
  const [open_, closed, browser] = [await start(t, { flags: ["--web.enable-admin-api"] }), await start(t), await launch(t)];
  await three(open_);
  await three(closed);
  const page = await open(browser);
  for (const path of ["/", "/groups", "/status"]) {
    await visit(page, closed.url(path));
    assert.equal(await page.getByRole("button", { name: /wipe/i }).or(page.getByRole("link", { name: /wipe/i })).count(), 0, path);
  }
  await visit(page, open_.url("/groups"));
  await page.getByRole("button", { name: /wipe/i }).or(page.getByRole("link", { name: /wipe/i })).first().click();
  await page.getByRole("heading", { name: /wipe/i }).waitFor();
  assert.match(await page.locator("main").innerText(), /3 groups/);
  assert.equal(await left(open_), "abc");
  await page.locator("main").getByRole("button", { name: /wipe/i }).click();
  await page.waitForLoadState();
  await page.getByText(/wiped|deleted/i).first().waitFor();
  assert.equal(await left(open_), "");
  assert.equal(await left(closed), "abc");
  unharmed(page);
});

test("another site cannot have anything deleted", async (t) => {
  const [gateway, browser] = [await start(t, { flags: ["--web.enable-admin-api"] }), await launch(t)];
  await three(gateway);
  const page = await open(browser);
  await visit(page, gateway.url("/groups/job/three/instance/b"));
  await page.getByRole("button", { name: /delete/i }).or(page.getByRole("link", { name: /delete/i })).first().click();
  await page.getByRole("heading", { name: /delete/i }).waitFor();
  // The very form that the page would send.
  const form = await page.locator("main form[method=post i]").last().evaluate((form) => {
    const button = form.querySelector("button");
    const data = new FormData(form, button);
    return { action: form.action, fields: [...data].map(([name, value]) => [name, String(value)]) };
  });
  const send = (fields, headers) =>
    fetch(form.action, {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const spoiled = form.fields.map(([name, value]) => [name, name === "token" ? value.replace(/./g, "0") : value]);
  const missing = form.fields.filter(([name]) => name !== "token");
  assert.notDeepEqual(missing, form.fields, "there is a token");
  for (const [why, fields, headers] of [
    ["a token made up", spoiled, { "sec-fetch-site": "same-origin" }],
    ["no token", missing, { "sec-fetch-site": "same-origin" }],
    ["another site", form.fields, { "sec-fetch-site": "cross-site" }],
    ["another origin", form.fields, { origin: "http://evil.example" }],
  ]) {
    const answer = await send(fields, headers);
    assert.equal(answer.status, 403, why);
    assert.match(answer.headers.get("content-type"), /^text\/html/);
    assert.equal(await left(gateway), "abc", why);
  }
  const own = await send(form.fields, { origin: gateway.origin, "sec-fetch-site": "same-origin" });
  assert.equal(own.status, 303, "our own page may");
  assert.equal(await left(gateway), "ac");
  unharmed(page);
});
