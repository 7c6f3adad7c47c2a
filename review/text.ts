/** A review for the terminal. */

import { oneLine } from "./escape";
import { outline, type Part } from "./outline";
import type { ConfigurationChange, Review } from "./review";
import type { TextTable } from "./route-groups";
import { verdict } from "./verdict";
import { count } from "./wording";

/** How much is shown. */
export interface TextOptions {
    /** Every change, and all configurations in full. @default false */
    readonly verbose?: boolean;
    /** The command that shows everything. @default the same command with ARGS=--verbose */
    readonly more?: string;
}

/** Lines of one part that are shown before the rest is counted. */
const mostLines = 8;

/** Lines of configuration that are shown before they are only counted. */
const mostConfiguration = 40;

/** A review as text: what it comes to in one line, then part by part, the most important first. */
export function formatReview(review: Review, options: TextOptions = {}): string {
    const head = `${review.stack}: ${verdict(review)}`;
    const parts = outline(review)
        .filter(({ lines }) => options.verbose === true || lines.length > 0)
        .map((part) => partText(part, options));
    const blocks = [oneLine(head), ...parts, ...configurationText(review.configurations, options)];
    return `${blocks.join("\n\n")}\n`;
}

function partText({ title, lines, detail }: Part, { verbose = false, more }: TextOptions): string {
    const shown = verbose ? lines : lines.slice(0, mostLines);
    const rest = lines.length - shown.length;
    return [
        title,
        ...shown.map((line) => `  ${oneLine(line)}`),
        ...(rest === 0 ? [] : [`  and ${rest} more${hint(more)}`]),
        ...(verbose && detail !== undefined ? ["", tableText(detail)] : []),
    ].join("\n");
}

/** How to see what is not shown. */
function hint(more = "ARGS=--verbose"): string {
    return ` (${more} shows all)`;
}

function tableText({ header, rows }: TextTable): string {
    const all = [header, ...rows].map((row) => row.map(oneLine));
    const widths = header.map((_cell, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
    return all.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd()).join("\n");
}

function configurationText(changes: readonly ConfigurationChange[], { verbose = false, more }: TextOptions): string[] {
    if (changes.length === 0) {
        return [];
    }
    const lines = changes.reduce((sum, { diff }) => sum + diff.split("\n").length, 0);
    const isShown = verbose || lines <= mostConfiguration;
    const diffs = changes.map(({ path, diff }) =>
        [`  ${oneLine(path)}`, ...diff.trimEnd().split("\n").map(steady)].join("\n"),
    );
    const title = `Configurations: ${configurationSummary(changes)}`;
    return isShown ? [title, ...diffs] : [`${title}${hint(more)}`];
}

/** A line of a file, indented as it is, without what steers a terminal. */
function steady(line: string): string {
    return `  ${line.replace(/[^\P{C}\t]/gu, "")}`;
}

/** Number of files, and of lines that come and go, e.g. `3 files, +2 −40`. */
export function configurationSummary(changes: readonly ConfigurationChange[]): string {
    const sum = (key: "linesAdded" | "linesRemoved") => changes.reduce((total, change) => total + change[key], 0);
    return `${count(changes.length, "file")}, +${sum("linesAdded")} −${sum("linesRemoved")}`;
}
