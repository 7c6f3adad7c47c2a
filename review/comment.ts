/** The one comment of a pull request over all stacks. */

import { isError } from "../lab/rules/findings";
import { fitted } from "./budget";
import { clipped, code, prose } from "./escape";
import { pieces, tableLines } from "./markdown";
import type { Rehearsal } from "./rehearsal";
import type { Review } from "./review";
import { count, listed, verb } from "./wording";

/** First line of the comment, by which a later run finds it again. */
export const marker = "<!-- bgp-lab review -->";

/** Most characters of a comment's body that GitHub takes are 65,536; what it may add, e.g. line ends, has room as well. */
const mostCharacters = 60_000;

/** What the comment is made of. */
export interface CommentInput {
    readonly reviews: readonly Review[];
    readonly rehearsals: readonly Rehearsal[];
    /** What the change is compared with, as `make diff BASE=…` takes it. */
    readonly base: string;
    /** Sentences that say what to know about the comparison. @default none */
    readonly notes?: readonly string[];
}

/** Rows of the table of stacks; more are counted. */
const mostRows = 40;

/**
 * The comment as Markdown: a table of the stacks, then a section for each that changes. The same for the same input, and
 * short enough for GitHub: what is least important is left out first, and says so.
 */
export function commentOf({ reviews, rehearsals, base, notes = [] }: CommentInput): string {
    const changed = reviews.filter(({ kind }) => kind !== "unchanged");
    const head = [
        marker,
        `**${summary(reviews, base)}**`,
        "",
        ...notes.slice(0, 5).flatMap((note) => [prose(clipped(note, 600)), ""]),
        ...stackTable(reviews, rehearsals),
        "",
    ].join("\n");
    const failed = rehearsals.flatMap(failedLines);
    const problems = failed.length === 0 ? "" : `${failed.slice(0, 20).join("\n")}\n\n`;
    const sections = changed.map((review) => pieces(review, `make diff BASE=${base} STACK=${review.stack}`));
    const shown = fitted(sections, mostCharacters - head.length - problems.length - 200);
    const missing = sections.length - shown.length;
    const cut = missing === 0 ? "" : `\n… ${count(missing, "more stack")} changed: ${code(`make diff BASE=${base}`)}\n`;
    return `${head}${problems}${shown.join("\n")}${cut}`;
}

function summary(reviews: readonly Review[], base: string): string {
    const names = (wanted: (kind: Review["kind"]) => boolean) =>
        reviews.filter(({ kind }) => wanted(kind)).map(({ stack }) => clipped(stack, 80));
    const refused = names((kind) => kind === "refused");
    const changed = names((kind) => kind !== "unchanged" && kind !== "refused");
    const same = reviews.length - refused.length - changed.length;
    const parts = [
        ...(refused.length === 0 ? [] : [`${listed(refused)} ${verb(refused.length, "is", "are")} refused`]),
        ...(changed.length === 0 ? [] : [`${listed(changed)} ${verb(changed.length, "changes", "change")}`]),
        ...(same === reviews.length ? [`nothing changes in ${count(same, "stack")}`] : []),
    ];
    return `${prose(`${parts.join(", ")} against`)} ${code(clipped(base, 100))}`;
}

function stackTable(reviews: readonly Review[], rehearsals: readonly Rehearsal[]): readonly string[] {
    const rows = reviews
        .slice(0, mostRows)
        .map((review) => [
            review.stack,
            rulesText(review),
            rehearsalText(rehearsals.find(({ stack }) => stack === review.stack)),
            routingText(review),
        ]);
    const more = reviews.length - rows.length;
    return [
        ...tableLines({ header: ["stack", "rules", "rehearsal", "routing"], rows }),
        ...(more <= 0 ? [] : ["", `… and ${count(more, "more stack")}`]),
    ];
}

function rulesText({ findings: { fresh, gone } }: Review): string {
    const errors = fresh.filter(isError).length;
    const warnings = fresh.length - errors;
    const parts = [
        ...(errors === 0 ? [] : [count(errors, "new error")]),
        ...(warnings === 0 ? [] : [count(warnings, "new warning")]),
        ...(gone.length === 0 ? [] : [`${gone.length} gone`]),
    ];
    return parts.length === 0 ? "nothing new" : parts.join(", ");
}

function rehearsalText(rehearsal: Rehearsal | undefined): string {
    if (rehearsal === undefined) {
        return "not run";
    }
    if ("error" in rehearsal) {
        return "did not come up";
    }
    if ("notRun" in rehearsal) {
        return `not run: ${rehearsal.notRun}`;
    }
    const { passed, failed } = rehearsal;
    return failed.length === 0
        ? `${count(passed, "check")} passed`
        : `${failed.length} of ${count(passed + failed.length, "check")} failed`;
}

function routingText({ kind, sessions, routes, services }: Review): string {
    const parts = [
        ...(sessions.length === 0 ? [] : [count(sessions.length, "session")]),
        ...(routes.length === 0 ? [] : [count(routes.length, "route")]),
        ...(services.length === 0 ? [] : [count(services.length, "service")]),
    ];
    return kind === "unchanged" ? "unchanged" : parts.length === 0 ? "stays" : `${parts.join(", ")} changed`;
}

function failedLines(rehearsal: Rehearsal): readonly string[] {
    const stack = prose(clipped(rehearsal.stack, 80));
    if ("error" in rehearsal) {
        return [`- ${stack} did not come up: ${prose(clipped(rehearsal.error, 600))}`];
    }
    if ("notRun" in rehearsal) {
        return [];
    }
    return rehearsal.failed.map(({ subject, expected, observed }) => {
        return `- ${stack}: ${prose(clipped(`${subject}: expected ${expected}, observed ${observed}`, 600))}`;
    });
}
