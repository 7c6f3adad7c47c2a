import { readFileSync } from "node:fs";
import { commentOf } from "../review/comment";
import { formatReview } from "../review/text";
import {
    type Comparison,
    comparePreviewed,
    compareWithCommit,
    compareWithDeployed,
    compareWithState,
} from "./comparison";
import { readState } from "./deployed";
import { interruptible } from "./interruption";
import { UsageError } from "./options";
import { readPreview } from "./preview";
import { stacksOptions } from "./stacks";

/**
 * Says what a change does to the network of stacks: this checkout, with what is not committed, beside a commit (`--base`),
 * an exported state (`--state`), or what is deployed; or the two sides of a preview (`--preview`). Exit codes: 0 compared,
 * 1 compared, and errors forbid a lab as it is now, 2 there is nothing to compare with.
 */
export async function run(args: string[]): Promise<number> {
    const values = stacksOptions(args, {
        base: { type: "string", default: "" },
        state: { type: "string", default: "" },
        preview: { type: "string", default: "" },
        json: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
        verbose: { type: "boolean", default: false },
    });
    return interruptible(async (signal) => {
        const comparison = await compared(values, signal);
        const command = values.base === "" ? "make diff" : `make diff BASE=${values.base}`;
        console.log(shown(comparison, command, values));
        return comparison.refused ? 1 : 0;
    });
}

interface Sources {
    readonly stack: readonly string[];
    readonly base: string;
    readonly state: string;
    readonly preview: string;
}

async function compared({ stack, base, state, preview }: Sources, signal: AbortSignal): Promise<Comparison> {
    if ([base, state, preview].filter((source) => source !== "").length > 1) {
        throw new UsageError("BASE, --state and --preview each say what to compare with: give one of them");
    }
    if (base !== "") {
        return compareWithCommit(base, stack, signal);
    }
    if (state !== "") {
        return compareWithState(readState(onlyStack(stack, "--state"), exportedIn(state)));
    }
    return preview === "" ? compareWithDeployed(stack) : comparePreviewed(readPreview(read(preview)));
}

function onlyStack(stacks: readonly string[], option: string): string {
    const [stack, ...others] = stacks;
    if (stack === undefined || others.length > 0) {
        throw new UsageError(`${option} is about one stack: say which with STACK`);
    }
    return stack;
}

function read(file: string): string {
    return readFileSync(file === "-" ? 0 : file, "utf8");
}

/** An exported state. The parser's own message would show what is in the file, which may be secret. */
function exportedIn(file: string): string {
    const text = read(file);
    try {
        JSON.parse(text);
    } catch {
        throw new Error("this is not what pulumi stack export prints: it is not JSON");
    }
    return text;
}

/** @param command what makes the comparison again */
function shown(
    comparison: Comparison,
    command: string,
    { json, markdown, verbose }: Record<"json" | "markdown" | "verbose", boolean>,
): string {
    const { base, notes, reviews } = comparison;
    if (json) {
        return JSON.stringify({ base, notes, reviews }, undefined, 2);
    }
    if (markdown) {
        return commentOf({ reviews, rehearsals: [], base, command, notes });
    }
    const texts = reviews.map((review) =>
        formatReview(review, { verbose, more: `${command} STACK=${review.stack} ARGS=--verbose` }).trimEnd(),
    );
    return [...notes, ...texts].join("\n\n");
}
