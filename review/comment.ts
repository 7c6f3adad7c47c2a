/** The one comment of a pull request over all stacks. */

import { fitted } from "./budget";
import { clipped, code, prose } from "./escape";
import { pieces, tableLines } from "./markdown";
import { newsOf } from "./news";
import type { Rehearsal } from "./rehearsal";
import type { Review, RouteEffect } from "./review";
import { routeGroups } from "./route-groups";
import { type Fate, fateOf } from "./session-groups";
import { verdict } from "./verdict";
import { count, grouped, listed } from "./wording";

/** First line of the comment, by which a later run finds it again. */
export const marker = "<!-- bgp-lab review -->";

/** Most characters of a comment's body that GitHub takes are 65,536; what it may add, e.g. line ends, has room as well. */
const mostCharacters = 60_000;

/** Stacks that are told one by one; more are counted. */
const mostStacks = 40;

/** Failed checks that are told one by one; more are counted. */
const mostChecks = 20;

/** Most characters of a name, and of a sentence. */
const [mostOfName, mostOfSentence] = [80, 600];

/** What the comment is made of. */
export interface CommentInput {
    readonly reviews: readonly Review[];
    /** What became of the labs when they were brought up; empty when that was not meant to be done. */
    readonly rehearsals: readonly Rehearsal[];
    /** What the change is compared with, as people call it. */
    readonly base: string;
    /** The command that shows everything about one stack, but for STACK. @default `make diff BASE=<base>` */
    readonly command?: string;
    /** Sentences that say what to know about the comparison. @default none */
    readonly notes?: readonly string[];
}

/**
 * The comment as Markdown: what happens to each stack in one line, a table of all of them, then the changes of each. The
 * same for the same input, and short enough for GitHub: what is least important is left out first, and says so.
 */
export function commentOf({
    reviews,
    rehearsals,
    base,
    command = `make diff BASE=${base}`,
    notes = [],
}: CommentInput): string {
    const changed = byGravity(
        reviews.filter(({ kind }) => kind !== "unchanged"),
        rehearsals,
    );
    const head = [
        marker,
        ...verdicts(reviews, rehearsals),
        "",
        ...stackTable(reviews, rehearsals),
        "",
        `Compared with ${code(clipped(base, mostOfName))}.`,
        ...notes.slice(0, 5).map((note) => prose(clipped(note, mostOfSentence))),
        ...failedChecks(rehearsals),
        "",
    ].join("\n");
    const told = changed
        .map((review) => ({ review, parts: pieces(review, `${command} STACK=${review.stack}`) }))
        .filter(({ parts }) => parts.length > 0);
    const sections = told.map(({ review, parts }) => [
        ...(told.length === 1 ? [] : [{ rank: 0, items: 0, render: () => `### ${nameText(review)}` }]),
        ...parts,
    ]);
    const room = mostCharacters - head.length;
    const shown = fitted(sections, room - 300);
    const missing = sections.length - shown.length;
    const cut = missing === 0 ? [] : [`… ${count(missing, "more stack")}: ${code(clipped(command, 200))}\n`];
    return [head, ...shown.map((section) => `${section.trimEnd()}\n`), ...cut].join("\n");
}

const gravity: readonly Review["kind"][] = ["refused", "removed", "changed", "repaired", "new", "unchanged"];

/** Refused stacks first, then those whose lab does not come up or fails checks. */
function byGravity(reviews: readonly Review[], rehearsals: readonly Rehearsal[]): readonly Review[] {
    const rank = (review: Review) => {
        const own = gravity.indexOf(review.kind);
        return problems(rehearsalOf(review, rehearsals)).length === 0 ? own : Math.min(own, 0.5);
    };
    return reviews.toSorted((a, b) => rank(a) - rank(b));
}

function nameText({ stack }: Review): string {
    return prose(clipped(stack, mostOfName));
}

/** The first lines: what matters most, stack by stack. */
function verdicts(reviews: readonly Review[], rehearsals: readonly Rehearsal[]): readonly string[] {
    const lines = byGravity(reviews, rehearsals).flatMap((review) => {
        const says = [
            ...problems(rehearsalOf(review, rehearsals)),
            ...(review.kind === "unchanged" ? [] : [verdict(review)]),
        ].join("; ");
        return says === "" ? [] : [`**${nameText(review)}**: ${prose(clipped(says, mostOfSentence))}.`];
    });
    const [first, ...others] = lines;
    if (first === undefined) {
        return [
            `The network stays as it is in ${reviews.length === 1 ? "the stack" : `all ${reviews.length} stacks`}.`,
        ];
    }
    const more = lines.length - mostStacks;
    return others.length === 0
        ? [first]
        : [
              ...lines.slice(0, mostStacks).map((line) => `- ${line}`),
              ...(more <= 0 ? [] : [`- … and ${count(more, "more stack")}`]),
          ];
}

function rehearsalOf({ stack }: Review, rehearsals: readonly Rehearsal[]): Rehearsal | undefined {
    return rehearsals.find((each) => each.stack === stack);
}

/** What went wrong in a rehearsal, in short. */
function problems(rehearsal: Rehearsal | undefined): readonly string[] {
    return isPassed(rehearsal) || "notRun" in rehearsal! ? [] : [`the lab ${rehearsalText(rehearsal)}`];
}

/** A row for each stack that changes or fails; those of which there is nothing to say share one. */
function stackTable(reviews: readonly Review[], rehearsals: readonly Rehearsal[]): readonly string[] {
    const isQuiet = (review: Review) => review.kind === "unchanged" && isPassed(rehearsalOf(review, rehearsals));
    const loud = byGravity(
        reviews.filter((review) => !isQuiet(review)),
        rehearsals,
    );
    const rows = loud
        .slice(0, mostStacks)
        .map((review) => [
            review.stack,
            rulesText(review),
            rehearsalText(rehearsalOf(review, rehearsals)),
            routingText(review),
        ]);
    const more = loud.length - rows.length;
    const all = [
        ...rows,
        ...(more <= 0 ? [] : [[`${more} more`, "", "", ""]]),
        ...quietRow(reviews.filter(isQuiet), rehearsals),
    ];
    const columns = rehearsals.length === 0 ? [0, 1, 3] : [0, 1, 2, 3];
    const chosen = (row: readonly string[]) => columns.map((column) => row[column]!);
    return tableLines({ header: chosen(["stack", "rules", "rehearsal", "routing"]), rows: all.map(chosen) });
}

/** Whether there is nothing to say about a rehearsal, or none was meant. */
function isPassed(rehearsal: Rehearsal | undefined): boolean {
    return rehearsal === undefined || ("passed" in rehearsal && rehearsal.failed.length === 0);
}

function quietRow(reviews: readonly Review[], rehearsals: readonly Rehearsal[]): readonly (readonly string[])[] {
    if (reviews.length === 0) {
        return [];
    }
    const names = reviews.map(({ stack }) => clipped(stack, mostOfName));
    const passed = rehearsals
        .filter(({ stack }) => reviews.some((review) => review.stack === stack))
        .reduce((sum, rehearsal) => sum + ("passed" in rehearsal ? rehearsal.passed : 0), 0);
    return [[listed(names, 12), "nothing new", `${count(passed, "check")} passed`, "unchanged"]];
}

function rulesText({ findings }: Review): string {
    const { errors, warnings, gone } = newsOf(findings);
    const parts = [
        ...(errors.length === 0 ? [] : [count(errors.length, "new error")]),
        ...(warnings.length === 0 ? [] : [count(warnings.length, "new warning")]),
        ...(gone.length === 0 ? [] : [`${gone.length} gone`]),
    ];
    return parts.length === 0 ? "nothing new" : parts.join(", ");
}

function rehearsalText(rehearsal: Rehearsal | undefined): string {
    if (rehearsal === undefined) {
        return "";
    }
    if ("error" in rehearsal) {
        return "does not come up";
    }
    if ("notRun" in rehearsal) {
        return `not run: ${rehearsal.notRun}`;
    }
    const { passed, failed } = rehearsal;
    return failed.length === 0
        ? `${count(passed, "check")} passed`
        : `fails ${failed.length} of ${count(passed + failed.length, "check")}`;
}

const fateTexts: Readonly<Record<Fate, string>> = {
    "goes down": "down",
    "stays down": "new and down",
    goes: "fewer",
    "comes up": "up",
    comes: "more",
    changes: "changed",
};

const effectTexts: Readonly<Record<RouteEffect, string>> = {
    lost: "lost",
    narrower: "narrower",
    moved: "moved",
    path: "by another AS path",
    wider: "wider",
    gained: "more",
};

/** Numbers of sessions and routes by what becomes of them. */
function routingText(review: Review): string {
    const { kind, sessions } = review;
    const ofSessions = grouped(sessions, fateOf).map(
        (group) => `${count(group.length, "session")} ${fateTexts[fateOf(group[0]!)]}`,
    );
    const ofRoutes = grouped(
        routeGroups(review).flatMap(({ changes }) => changes),
        ({ effect }) => effect,
    ).map((group) => `${count(group.length, "route")} ${effectTexts[group[0]!.effect]}`);
    if (kind === "unchanged") {
        return "unchanged";
    }
    // Of a configuration that cannot become a lab nobody knows what it does.
    return [...ofSessions, ...ofRoutes].join(", ") || (kind === "refused" ? "refused" : "as before");
}

/** Checks that failed, and labs that did not come up. */
function failedChecks(rehearsals: readonly Rehearsal[]): readonly string[] {
    const lines = rehearsals.flatMap((rehearsal) => {
        const say = (text: string) =>
            `- ${prose(clipped(`${clipped(rehearsal.stack, mostOfName)}: ${text}`, mostOfSentence))}`;
        if ("error" in rehearsal) {
            return [say(`the lab does not come up: ${rehearsal.error}`)];
        }
        const failed = "failed" in rehearsal ? rehearsal.failed : [];
        return failed.map(({ subject, expected, observed }) =>
            say(`${subject}: expected ${expected}, observed ${observed}`),
        );
    });
    const more = lines.length - mostChecks;
    return [
        ...(lines.length === 0 ? [] : [""]),
        ...lines.slice(0, mostChecks),
        ...(more <= 0 ? [] : [`- … and ${more} more`]),
    ];
}
