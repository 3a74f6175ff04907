// Texts that would do something on a page that is careless with them. Each tries to set `window.harmed`, to
// open a dialog, or to bring in an element of its own.
const DO = "window.harmed=1";

export const HOSTILE = [
  // Elements.
  `<script>${DO}</script>`,
  `<ScRiPt>${DO}</sCrIpT>`,
  `<script src=//127.0.0.1:1/x.js></script>`,
  `<script/x>${DO}</script>`,
  `<<script>${DO}//<</script>`,
  `<img src=x onerror=${DO}>`,
  `<img src=x onerror="alert(1)">`,
  `<IMG """><SCRIPT>${DO}</SCRIPT>">`,
  `<svg onload=${DO}>`,
  `<svg/onload=${DO}>`,
  `<svg><script>${DO}</script></svg>`,
  `<svg><animate onbegin=${DO} attributeName=x dur=1s>`,
  `<math><mtext></mtext><img src=x onerror=${DO}></math>`,
  `<iframe src="javascript:parent.harmed=1"></iframe>`,
  `<iframe srcdoc="<script>parent.harmed=1</script>"></iframe>`,
  `<object data="javascript:${DO}"></object>`,
  `<embed src="javascript:${DO}">`,
  `<body onload=${DO}>`,
  `<input autofocus onfocus=${DO}>`,
  `<select autofocus onfocus=${DO}>`,
  `<textarea autofocus onfocus=${DO}>`,
  `<details open ontoggle=${DO}>`,
  `<video><source onerror=${DO}></video>`,
  `<audio src=x onerror=${DO}>`,
  `<marquee onstart=${DO}>`,
  `<a href="javascript:${DO}">x</a>`,
  `<form action="javascript:${DO}"><button autofocus>x</button></form>`,
  `<base href="//127.0.0.1:1/">`,
  `<meta http-equiv="refresh" content="0;url=javascript:${DO}">`,
  `<link rel=stylesheet href="//127.0.0.1:1/x.css">`,
  `<style>@import "//127.0.0.1:1/x.css";*{display:none}</style>`,
  `<template><script>${DO}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${DO}>">`,
  `<xmp><p title="</xmp><svg/onload=${DO}>">`,
  // Out of where it stands.
  `"><script>${DO}</script>`,
  `'><script>${DO}</script>`,
  `</td></tr></table><script>${DO}</script>`,
  `</title><script>${DO}</script>`,
  `</textarea><script>${DO}</script>`,
  `</script><script>${DO}</script>`,
  `</style><script>${DO}</script>`,
  `--><script>${DO}</script><!--`,
  `]]><script>${DO}</script>`,
  `" onmouseover="${DO}" x="`,
  `' onfocus='${DO}' autofocus='`,
  `x onerror=${DO} `,
  `" autofocus onfocus=${DO} "`,
  `\`onmouseover=${DO}\``,
  // URLs.
  `javascript:${DO}`,
  `JaVaScRiPt:${DO}`,
  `java\tscript:${DO}`,
  `data:text/html,<script>${DO}</script>`,
  `//127.0.0.1:1/x`,
  `../../-/quit?x=1#y`,
  // Templates and entities.
  `{{constructor.constructor('${DO}')()}}`,
  `\${${DO}}`,
  `{% raw %}<script>${DO}</script>`,
  `&lt;script&gt;${DO}&lt;/script&gt;`,
  `&#60;script&#62;${DO}&#60;/script&#62;`,
  `\u2028<script>${DO}</script>\u2029`,
  `＜script＞${DO}＜/script＞`,
  `\u202e<script>${DO}</script>`,
  `\u0001<script>${DO}</script>\u007f`,
];

/** What a page has become that let one of them in: nothing, on a page that has not. */
export function harm() {
  const found = [];
  if (window.harmed !== undefined) found.push("a script has run");
  const own = (url) => new URL(url, location.href).origin === location.origin;
  for (const element of document.querySelectorAll("*")) {
    const tag = element.localName;
    const grave = ["iframe", "object", "embed", "base", "marquee", "video", "audio", "math", "template", "style", "xmp"];
    if (grave.includes(tag)) found.push(`<${tag}>`);
    if (tag === "script" && (!element.src || !own(element.src) || element.textContent !== "")) found.push(element.outerHTML);
    if (tag === "link" && !own(element.href)) found.push(element.outerHTML);
    if (tag === "meta" && element.httpEquiv.toLowerCase() === "refresh") found.push(element.outerHTML);
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc") found.push(`${tag} ${name}=${value}`);
      const isUrl = ["href", "src", "action", "formaction", "data", "xlink:href"].includes(name);
      if (isUrl && !/^https?:$|^data:$/.test(new URL(value, location.href).protocol)) found.push(`${tag} ${name}=${value}`);
      if (["href", "action", "formaction"].includes(name) && !own(value)) {
        if (!element.rel?.includes("noreferrer")) found.push(`${tag} ${name}=${value}`);
      }
    }
  }
  return found;
}
