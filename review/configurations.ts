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
    const { before = "", after = "" } = texts;
    if (before === after) {
        return [];
    }
    const patch = patchOf(before, after);
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
    const patch = structuredPatch("", "", before, after, "", "", { context, maxEditLength: mostEdits });
    return patch ?? rewritten(structuredPatch("", "", before, ""), structuredPatch("", "", "", after));
}

/** All lines of one file in the place of all lines of the other. */
function rewritten(removal: StructuredPatch, addition: StructuredPatch): StructuredPatch {
    const [gone, come] = [removal.hunks[0]!, addition.hunks[0]!];
    const { oldStart, oldLines } = gone;
    const { newStart, newLines } = come;
    const hunk = { oldStart, oldLines, newStart, newLines, lines: [...gone.lines, ...come.lines] };
    return { ...addition, hunks: [hunk] };
}
