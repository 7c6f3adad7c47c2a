import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { marker } from "../../review/comment";
import { root, runProgram } from "../e2e/lab";

const bot = "github-actions[bot]";
const headSha = "0123456789abcdef0123456789abcdef01234567";

interface Comment {
    readonly id: number;
    readonly user: { readonly login: string } | null;
    readonly body: string;
}

interface Pull {
    readonly number: number;
    readonly head: { readonly sha: string; readonly repo: { readonly full_name: string } | null };
}

/** What there is on GitHub, as far as the script asks. */
interface Hub {
    readonly pulls: readonly Pull[];
    readonly comments: readonly Comment[];
    /** The text in the newest artifact; undefined when the run has none. */
    readonly review: string | undefined;
}

const fork = "somebody/bgp-lab";

function pull(number: number, sha = headSha, repository: string | null = fork): Pull {
    return { number, head: { sha, repo: repository === null ? null : { full_name: repository } } };
}

/** Answers like `gh api`, from a file, a page of a list at a time; keeps what is written. */
const fakeGh = `#!${process.execPath}
const fs = require("node:fs");
const { pulls, comments, review } = JSON.parse(fs.readFileSync(process.env.HUB, "utf8"));
const args = process.argv.slice(2);
if (args[0] !== "api") throw new Error("unexpected: gh " + args.join(" "));
fs.appendFileSync(process.env.HUB + ".log", JSON.stringify(args) + "\\n");
if (args.includes("--method")) {
    const [method, path] = args.slice(args.indexOf("--method") + 1);
    const { body } = JSON.parse(fs.readFileSync(0, "utf8"));
    fs.appendFileSync(process.env.HUB + ".written", JSON.stringify({ method, path, body }) + "\\n");
    process.exit(0);
}
const url = new URL(args[1], "https://hub.test/");
const size = Number(url.searchParams.get("per_page")), page = Number(url.searchParams.get("page"));
const paged = (list) => list.slice((page - 1) * size, page * size);
const artifacts = review === undefined ? [] : [{ id: 7, name: "review" }, { id: 9, name: "review" }, { id: 11, name: "other" }];
const answer = {
    "/repos/owner/bgp-lab/pulls": () => {
        const head = url.searchParams.get("head");
        if (url.searchParams.get("state") !== "open" || head !== "somebody:feature/a&b") throw new Error("asked for " + head);
        return paged(pulls);
    },
    "/repos/owner/bgp-lab/actions/runs/5/artifacts": () => ({ total_count: artifacts.length, artifacts: paged(artifacts) }),
    "/repos/owner/bgp-lab/issues/12/comments": () => paged(comments),
}[url.pathname];
if (url.pathname === "/repos/owner/bgp-lab/actions/artifacts/9/zip") process.stdout.write(review);
else if (answer) process.stdout.write(JSON.stringify(answer()));
else throw new Error("no such path: " + url.pathname);
`;

/** An archive is its text here. */
const fakeUnzip = `#!/bin/sh
[ "$1 $3" = "-p comment.md" ] && exec cat "$2"
exit 9
`;

describe("the script that posts a review", () => {
    let folder = "";

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "bgp-lab-post-"));
        mkdirSync(join(folder, "bin"));
        for (const [name, text] of Object.entries({ gh: fakeGh, unzip: fakeUnzip })) {
            writeFileSync(join(folder, "bin", name), text);
            chmodSync(join(folder, "bin", name), 0o755);
        }
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    /** What the script writes, by method and path. */
    async function written(hub: Partial<Hub>) {
        const all: Hub = { pulls: [pull(12)], comments: [], review: `${marker}\nnothing changes\n`, ...hub };
        writeFileSync(join(folder, "hub"), JSON.stringify(all));
        const { code, stdout, stderr } = await runProgram(process.execPath, [join(root, "scripts/post-comment.cjs")], {
            cwd: folder,
            env: {
                PATH: [join(folder, "bin"), process.env.PATH].join(delimiter),
                HUB: join(folder, "hub"),
                TMPDIR: folder,
                GITHUB_SERVER_URL: "https://hub.test",
                GITHUB_REPOSITORY: "owner/bgp-lab",
                RUN_ID: "5",
                HEAD_SHA: headSha,
                HEAD_BRANCH: "feature/a&b",
                HEAD_REPOSITORY: fork,
            },
        });
        expect(`${code}${stderr}`).toBe("0");
        const log = join(folder, "hub.written");
        const lines = stdout.includes("comment") ? readFileSync(log, "utf8").trim().split("\n") : [];
        return lines.map((line) => JSON.parse(line) as { method: string; path: string; body: string });
    }

    const created = { method: "POST", path: "repos/owner/bgp-lab/issues/12/comments" };

    it("comments where nothing of it is yet, with the run beside the text of the newest artifact", async () => {
        const [comment, ...others] = await written({});
        expect(others).toEqual([]);
        expect(comment).toEqual({
            ...created,
            body: `${marker}
<sub>Written by code of this pull request, in [the run for 0123456789](https://hub.test/owner/bgp-lab/actions/runs/5).</sub>

nothing changes
`,
        });
    });

    it("edits its own comment, also on a later page, and writes no second one", async () => {
        const chatter = Array.from({ length: 230 }, (_, index) => ({ id: index, user: { login: bot }, body: "hello" }));
        const comments = [...chatter, { id: 800, user: { login: bot }, body: `${marker}\nold` }];
        const [comment, ...others] = await written({ comments });
        expect(others).toEqual([]);
        expect(comment).toMatchObject({ method: "PATCH", path: "repos/owner/bgp-lab/issues/comments/800" });
    });

    it("leaves alone what others have written with its marker, and what only quotes it", async () => {
        const comments = [
            { id: 1, user: { login: "somebody" }, body: `${marker}\nnot the review` },
            { id: 2, user: null, body: `${marker}\nof an account that is gone` },
            { id: 3, user: { login: bot }, body: `> ${marker}` },
        ];
        expect(await written({ comments })).toEqual([expect.objectContaining(created)]);
    });

    it.each([
        ["of the same commit in another repository", [pull(12, headSha, "else/bgp-lab")]],
        ["whose repository is gone", [pull(12, headSha, null)]],
        ["that has moved on since", [pull(12, "f".repeat(40))]],
        ["that is one of two with this head", [pull(12), pull(13)]],
    ])("posts nothing to a pull request %s", async (_what, pulls) => {
        expect(await written({ pulls })).toEqual([]);
    });

    it("finds the pull request behind a hundred others of the branch", async () => {
        const others = Array.from({ length: 130 }, (_, index) => pull(1_000 + index, "f".repeat(40)));
        expect(await written({ pulls: [...others, pull(12)] })).toEqual([expect.objectContaining(created)]);
    });

    it("says so when the run ended without a review, in place of an older review", async () => {
        const comments = [{ id: 800, user: { login: bot }, body: `${marker}\nold` }];
        const [comment] = await written({ review: undefined, comments });
        expect(comment).toMatchObject({ method: "PATCH", body: expect.stringContaining("There is no review") });
    });

    it("takes what is too long for a comment as nothing to show, with the way to it", async () => {
        const [comment] = await written({ review: `${marker}\n${"x".repeat(65_001)}` });
        expect(comment!.body.length).toBeLessThan(1_000);
        expect(comment!.body).toContain("too long for a comment**: [the run for 0123456789]");
    });

    it("writes its marker and who speaks first, whatever the text pretends", async () => {
        const [comment] = await written({ review: "no marker: all is well" });
        expect(comment!.body).toMatch(
            /^<!-- bgp-lab review -->\n<sub>Written by code of this pull request, .*<\/sub>\n\nno marker: all is well$/,
        );
    });
});
