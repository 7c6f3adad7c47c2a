// Puts the review that a run of the workflow "preview" has left as an artifact into the one comment of its pull request.
// The artifact is made by code of the pull request, so its text is all that is taken from it: which pull request the run
// was for is asked of GitHub. Run by .github/workflows/comment.yml.
"use strict";
const { execFileSync } = require("node:child_process");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/** First line of the comment, by which it is found again. */
const marker = "<!-- bgp-lab review -->";

/** Only a comment that this account has written is edited: the marker alone may be anybody's. */
const author = "github-actions[bot]";

/** Most characters that GitHub takes, and that a review may have so that the lines around it have room. */
const limits = { comment: 65_536, review: 65_000 };

/** Most bytes that are unpacked; a character has four at most. */
const mostBytes = 4 * limits.comment;

const pageSize = 100;

function gh(args, options = {}) {
    return execFileSync("gh", args, { maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "inherit"], ...options });
}

/** Everything that a list of the API has, page by page. */
function all(path, items = (page) => page) {
    const found = [];
    for (let page = 1; ; page++) {
        const separator = path.includes("?") ? "&" : "?";
        const answer = gh(["api", `${path}${separator}per_page=${pageSize}&page=${page}`]);
        const list = items(JSON.parse(answer.toString()));
        found.push(...list);
        if (list.length < pageSize) {
            return found;
        }
    }
}

/** Numbers of the open pull requests that have exactly the run's commit of the run's repository as their head. */
function pullRequests({ repository, headRepository, headBranch, headSha }) {
    const [owner] = headRepository.split("/");
    const head = encodeURIComponent(`${owner}:${headBranch}`);
    return all(`repos/${repository}/pulls?state=open&head=${head}`)
        .filter((pull) => pull.head.sha === headSha && pull.head.repo?.full_name === headRepository)
        .map(({ number }) => number);
}

/** The text of the newest review that the run has left; undefined when it has left none. */
function reviewOf({ repository, runId }) {
    const artifacts = all(`repos/${repository}/actions/runs/${runId}/artifacts?name=review`, (page) => page.artifacts);
    const [newest] = artifacts
        .filter(({ name, expired }) => name === "review" && !expired)
        .sort((one, other) => other.id - one.id);
    if (newest === undefined) {
        return undefined;
    }
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-review-"));
    try {
        const archive = join(folder, "review.zip");
        writeFileSync(archive, gh(["api", `repos/${repository}/actions/artifacts/${newest.id}/zip`]));
        // To standard output, so that no name in the archive becomes a path.
        return execFileSync("unzip", ["-p", archive, "comment.md"], { maxBuffer: mostBytes }).toString();
    } catch (error) {
        console.error(`the artifact cannot be read: ${error.message}`);
        return undefined;
    } finally {
        rmSync(folder, { recursive: true });
    }
}

function bodyOf(review, { server, repository, runId, headSha }) {
    const run = `[the run for ${headSha.slice(0, 10)}](${server}/${repository}/actions/runs/${runId})`;
    if (review === undefined) {
        return `${marker}\n**There is no review**: ${run} ended without one.\n`;
    }
    if (review.length > limits.review) {
        return `${marker}\n**The review is too long for a comment**: ${run} has it in its summary.\n`;
    }
    // The first line tells who speaks, also when the text forges what it likes.
    const text = review.startsWith(marker) ? review.slice(marker.length) : review;
    return `${marker}\n<sub>Written by code of this pull request, in ${run}.</sub>\n\n${text.trimStart()}`;
}

function post(number, body, { repository }) {
    const [own] = all(`repos/${repository}/issues/${number}/comments`).filter(
        (comment) => comment.user?.login === author && comment.body.startsWith(marker),
    );
    const [method, path] =
        own === undefined
            ? ["POST", `repos/${repository}/issues/${number}/comments`]
            : ["PATCH", `repos/${repository}/issues/comments/${own.id}`];
    gh(["api", "--silent", "--method", method, path, "--input", "-"], { input: JSON.stringify({ body }) });
    console.log(own === undefined ? `commented on #${number}` : `updated the comment on #${number}`);
}

function required(name) {
    const value = process.env[name];
    if (!value) {
        throw new Error(`${name} is not set; .github/workflows/comment.yml sets it`);
    }
    return value;
}

function main() {
    const run = {
        server: required("GITHUB_SERVER_URL"),
        repository: required("GITHUB_REPOSITORY"),
        runId: required("RUN_ID"),
        headSha: required("HEAD_SHA"),
        headBranch: required("HEAD_BRANCH"),
        headRepository: required("HEAD_REPOSITORY"),
    };
    const numbers = pullRequests(run);
    if (numbers.length !== 1) {
        // Of two with the same head, nobody knows whose base the review is about; of none, it has moved on or is closed.
        console.log(`${numbers.length} open pull requests have ${run.headSha} as their head: nothing to post`);
        return;
    }
    post(numbers[0], bodyOf(reviewOf(run), run), run);
}

main();
