//! Paths: dots, slashes and escapes that mean another group, or none.

use crate::hostile::case::{Case, answered, cases, push, stored};

fn put(path: &str) -> Vec<u8> {
    push(path, "", "m 1\n")
}

pub(crate) fn table() -> Vec<Case> {
    let labels =
        |count: usize| -> String { (0..count).map(|at| format!("/l{at}/v{at}")).collect() };
    let mut table = cases([
        ("a dot in the path", put("/metrics/job/./evil"), answered(301)),
        ("two dots in the path", put("/metrics/job/good/../evil"), answered(301)),
        ("two dots beyond the root", put("/../../../metrics/job/evil"), answered(301)),
        ("escaped dots", put("/metrics/job/%2e%2e/evil"), answered(301)),
        ("half escaped dots", put("/metrics/job/.%2e/evil"), answered(301)),
        ("dots escaped twice", put("/metrics/job/%252e%252e"), stored()),
        ("dots and more", put("/metrics/job/...."), stored()),
        ("two dots as a value", put("/metrics/job/good/instance/.."), answered(301)),
        ("a double slash before the job", put("//metrics//job/good"), stored()),
        ("a double slash behind the job", put("/metrics/job//evil"), answered(400)),
        ("a slash at the end", put("/metrics/job/good/"), stored()),
        ("nothing but slashes", put("////////"), answered(301)),
        ("an escaped slash", put("/metrics/job/good%2fevil"), answered(400)),
        ("an escaped slash in the prefix", put("/metrics%2fjob%2fgood"), stored()),
        ("a backslash", put("/metrics/job/..%5c..%5cevil"), stored()),
        ("an escape that stops", put("/metrics/job/evil%"), answered(400)),
        ("an escape that stops in the middle", put("/metrics/job/evil%4"), answered(400)),
        ("an escape that is none", put("/metrics/job/evil%zz"), answered(400)),
        ("an escape of an escape", put("/metrics/job/good%2525"), stored()),
        ("an escape of 16 bits", put("/metrics/job/evil%u0041"), answered(400)),
        ("a plus", put("/metrics/job/a+b"), stored()),
        ("an escaped NUL", put("/metrics/job/a%00b"), stored()),
        ("an escaped line end", put("/metrics/job/a%0d%0aevil:%20x"), stored()),
        (
            "an escaped quote and line end",
            put("/metrics/job/a%22%7d%201%0aevil%7bjob=%22b"),
            stored(),
        ),
        ("an overlong slash", put("/metrics/job/%c0%af"), answered(400)),
        ("an overlong dot", put("/metrics/job/%e0%80%ae"), answered(400)),
        ("a surrogate", put("/metrics/job/%ed%a0%80"), answered(400)),
        ("UTF-8 that stops", put("/metrics/job/%f0%9f%a6"), answered(400)),
        ("UTF-8 beyond Unicode", put("/metrics/job/%f4%90%80%80"), answered(400)),
        ("UTF-8 as it is", put("/metrics/job/\u{1f980}"), stored()),
        ("a right-to-left override", put("/metrics/job/%e2%80%aelive"), stored()),
        ("a byte order mark", put("/metrics/job/%ef%bb%bfgood"), stored()),
        ("no job", put("/metrics/job/"), answered(400)),
        ("no job and no slash", put("/metrics/job"), answered(404)),
        ("another word than job", put("/metrics/jobs/evil"), answered(404)),
        ("the job in capitals", put("/metrics/JOB/evil"), answered(404)),
        ("a label without a value", put("/metrics/job/evil/instance"), answered(400)),
        ("a label without a name", put("/metrics/job/evil//x"), answered(400)),
        ("a label twice", put("/metrics/job/a/x/1/x/2"), stored()),
        ("the job twice", put("/metrics/job/a/job/b"), stored()),
        ("a reserved label", put("/metrics/job/a/__name__/evil"), answered(400)),
        ("a label reserved for later", put("/metrics/job/a/__evil/x"), answered(400)),
        ("a label that begins with a digit", put("/metrics/job/a/1x/evil"), answered(400)),
        ("a label with a blank", put("/metrics/job/a/x%20y/evil"), answered(400)),
        ("a label with a colon", put("/metrics/job/a/x:y/evil"), answered(400)),
        ("a label in escaped UTF-8", put("/metrics/job/a/%c3%a9/evil"), answered(400)),
        ("a label with a quote", put("/metrics/job/a/x%22/evil"), answered(400)),
        ("base64", put("/metrics/job@base64/Z29vZA"), stored()),
        ("base64 with padding", put("/metrics/job@base64/Z29vZA=="), stored()),
        ("base64 with too much padding", put("/metrics/job@base64/Z29vZA===="), stored()),
        ("base64 of nothing", put("/metrics/job/good/x@base64/="), stored()),
        ("base64 of no job", put("/metrics/job@base64/="), answered(400)),
        ("base64 in the other alphabet", put("/metrics/job@base64/+/+/"), answered(400)),
        ("base64 with a line end", put("/metrics/job@base64/Z29v%0aZA"), stored()),
        ("base64 that stops", put("/metrics/job@base64/Z"), answered(400)),
        ("base64 of what is not UTF-8", put("/metrics/job@base64/_w"), answered(400)),
        ("base64 of a NUL", put("/metrics/job@base64/AA"), stored()),
        ("base64 of base64", put("/metrics/job@base64@base64/Z29vZA"), answered(404)),
        ("an escaped @base64", put("/metrics/job%40base64/Z29vZA"), stored()),
        ("a label of nothing but @base64", put("/metrics/job/a/@base64/evil"), answered(400)),
        ("a scrape below the scrape", put("/metrics/metrics/job/evil"), answered(404)),
        ("the API below the push", put("/metrics/job/a/../../../api/v1/admin/wipe"), answered(301)),
    ]);
    let long = |bytes: usize| "x".repeat(bytes);
    table.extend(cases([
        ("a job of 60 KB", put(&format!("/metrics/job/{}", long(60_000))), stored()),
        ("500 labels", put(&format!("/metrics/job/good{}", labels(500))), stored()),
        (
            "1,000 labels of which one comes twice",
            put(&format!("/metrics/job/a{}/l7/v", labels(1000))),
            stored(),
        ),
        (
            "4,000 labels without a value",
            put(&format!("/metrics/job/a{}/x", labels(4000))),
            answered(400),
        ),
        ("20,000 slashes", put(&format!("/metrics/job/a{}", "/".repeat(20_000))), answered(400)),
        (
            "20,000 slashes before the job",
            put(&format!("{}metrics/job/good", "/".repeat(20_000))),
            stored(),
        ),
        ("10,000 dots", put(&format!("/metrics/job/a{}", "/..".repeat(10_000))), answered(301)),
        ("a job escaped whole", put(&format!("/metrics/job/{}", "%41".repeat(10_000))), stored()),
    ]));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    table.extend(cases([
        ("files of the system", get("/static/../../../../etc/passwd"), answered(301)),
        ("files of the system, escaped", get("/static/%2e%2e/%2e%2e/etc/passwd"), answered(301)),
        ("files of the system, by a NUL", get("/static/%00/etc/passwd"), answered(404)),
        ("a redirect to another host", get("//evil.example/%2e%2e"), answered(301)),
        ("a part that is none", get("/metrics?shard=99999999999999999999/2"), answered(400)),
        ("a part of none", get("/metrics?shard=0/0"), answered(400)),
        ("a part twice", get("/metrics?shard=0/2&shard=1/2"), answered(400)),
        ("1,000 jobs", get(&format!("/metrics?{}", "job=x&".repeat(1_000))), answered(200)),
        ("10,000 jobs", get(&format!("/metrics?{}", "job=x&".repeat(10_000))), answered(400)),
        ("10,000 families", get(&format!("/metrics?{}", "name[]=x".repeat(5_000))), answered(200)),
        ("a job that is not UTF-8", get("/metrics?job=%ff%fe"), answered(200)),
        ("a GET that would quit", get("/-/quit"), answered(405)),
        (
            "a path that quits, without the right",
            "PUT /-/quit HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
            answered(403),
        ),
        ("a debugger", get("/debug/pprof/heap"), answered(404)),
    ]));
    table
}
