/** Rendered files that come, go or change, as unified diffs. */

import { formatPatch, OMIT_HEADERS, type StructuredPatch, structuredPatch } from "diff";
import type { Lab, Router } from "../lab/model";
import type { Artifact } from "../render/artifacts";
import { byRank, kindOf, type Paired, pairByName } from "./pairing";
import type { ConfigurationChange } from "./review";
import type { Revision } from "./revision";

/** Lines around a change that are the same. */
const context = 3;

/** Lines that come and go after which a file is said to be another one: finding the shortest difference takes their square. */
const mostEdits = 4000;

/** The review has a diagram of its own, with marks. */
const diagram = "diagram.mmd";

/** The file of a router that its operating system reads; the others say the same for other systems. */
const ownFiles: Readonly<Record<Router["nos"], string>> = { frr: "frr.conf", vyos: "vyos.set" };

/**
 * Files that differ: those that are configured otherwise first, those for operating systems that a router does not run last.
 * One that cannot be written is as one that is not there.
 */
export function configurationChanges(
    before: Revision | undefined,
    after: Revision | undefined,
): readonly ConfigurationChange[] {
    const routers = { ...before?.lab?.routers, ...after?.lab?.routers };
    const changes = pairByName(textsOf(before?.artifacts ?? []), textsOf(after?.artifacts ?? []))
        .flatMap(([path, texts]) => change(path, texts))
        .map((each) => (isAlternative(each.path, routers) ? { ...each, alternative: true } : each));
    const kinds = ["changed", "removed", "added"];
    return byRank(changes, ({ kind, alternative }) => kinds.indexOf(kind) + (alternative === true ? kinds.length : 0));
}

function isAlternative(path: string, routers: Lab["routers"]): boolean {
    const [folder = "", file] = path.split("/");
    const router = routers[folder];
    return router !== undefined && file !== ownFiles[router.nos];
}

function textsOf(artifacts: readonly Artifact[]): Readonly<Record<string, string>> {
    return Object.fromEntries(
        artifacts.flatMap((artifact) =>
            artifact.kind === "file" && artifact.path !== diagram ? [[artifact.path, artifact.text]] : [],
        ),
    );
}

function change(path: string, texts: Paired<string>): readonly ConfigurationChange[] {
    if (texts.before === texts.after) {
        return [];
    }
    const patch = patchOf(texts.before ?? "", texts.after ?? "");
    const lines = patch.hunks.flatMap((hunk) => hunk.lines);
    return [
        {
            kind: kindOf(texts),
            path,
            linesAdded: lines.filter((line) => line.startsWith("+")).length,
            linesRemoved: lines.filter((line) => line.startsWith("-")).length,
            diff: formatPatch(patch, OMIT_HEADERS),
        },
    ];
}

function patchOf(before: string, after: string): StructuredPatch {
    const whole = { context, maxEditLength: mostEdits };
    const patch = before === "" || after === "" ? undefined : structuredPatch("", "", before, after, "", "", whole);
    return patch ?? rewritten(before, after);
}

/** All lines of one file in the place of all lines of the other. */
function rewritten(before: string, after: string): StructuredPatch {
    const [gone, come] = [linesOf("-", before), linesOf("+", after)];
    const hunk = {
        oldStart: 1,
        oldLines: count(gone),
        newStart: 1,
        newLines: count(come),
        lines: [...gone, ...come],
    };
    const names = { oldFileName: "", newFileName: "", oldHeader: "", newHeader: "" };
    return { ...names, index: undefined, hunks: hunk.lines.length === 0 ? [] : [hunk] };
}

/** What a unified diff says in the place of the last line's end. */
const noNewline = "\\ No newline at end of file";

function linesOf(sign: "+" | "-", text: string): readonly string[] {
    const lines = text.split("\n").map((line) => `${sign}${line}`);
    return text === "" ? [] : text.endsWith("\n") ? lines.slice(0, -1) : [...lines, noNewline];
}

function count(lines: readonly string[]): number {
    return lines.filter((line) => line !== noNewline).length;
}
