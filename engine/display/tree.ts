import type { Op, Step } from "../events";
import { nameOf, rootStackType, typeOf, type Urn } from "../urn";
import { differenceLines, shortDifference } from "./difference";
import type { Progress } from "./progress";
import type { Style } from "./style";
import { doing, done, signs } from "./words";

/** What the tree draws on. */
export interface Screen {
    write(text: string): void;
    /** Size in characters; it may change while the tree is shown. */
    readonly columns: number;
    readonly rows: number;
}

/** A resource in the tree. `began` is in milliseconds since 1970. */
export interface Row {
    readonly urn: Urn;
    readonly parent: Urn | undefined;
    step: Step;
    status: string;
    began: number;
    running: boolean;
    failed: boolean;
}

/** Milliseconds between two drawings. */
const interval = 80;
const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";
const clearLine = "\x1b[2K";

/** Progress as a tree of resources that is redrawn in place. */
export function treeProgress(
    screen: Screen,
    options: { readonly preview: boolean; readonly diff: boolean; readonly style: Style },
): Progress {
    const rows = new Map<Urn, Row>();
    const { preview, diff, style } = options;
    let drawn = 0;
    let note = "";
    let timer: NodeJS.Timeout | undefined;

    screen.write(hideCursor);

    function row(step: Step): Row {
        const known = rows.get(step.urn);
        if (known !== undefined) {
            return known;
        }
        const parent = step.new?.parent ?? step.old?.parent;
        const made = { urn: step.urn, parent, step, status: "", began: Date.now(), running: true, failed: false };
        rows.set(step.urn, made);
        return made;
    }

    function draw(last: boolean): void {
        const lines = treeLines([...rows.values()], { style, columns: screen.columns });
        const shown = last ? lines : fitting([...lines, ...(note === "" ? [] : [style.dim(note)])], screen.rows - 1);
        const up = drawn === 0 ? "" : `\x1b[${drawn}A`;
        const rest = Math.max(0, drawn - shown.length);
        const blank = `${clearLine}\n`.repeat(rest) + (rest === 0 ? "" : `\x1b[${rest}A`);
        screen.write(up + shown.map((line) => `\r${clearLine}${line}\n`).join("") + blank);
        drawn = shown.length;
    }

    /** While something runs its seconds count, so that the next drawing is always due. */
    function schedule(): void {
        timer ??= setTimeout(() => {
            timer = undefined;
            draw(false);
            if ([...rows.values()].some(({ running }) => running)) {
                schedule();
            }
        }, interval);
    }

    return {
        started(step) {
            const entry = row(step);
            if (step.op !== "replace") {
                Object.assign(entry, { step, status: doing(step), running: true, began: Date.now() });
            }
            schedule();
        },
        ended(step, failed) {
            const entry = row(step);
            const changes = step.op === "same" ? "" : shortDifference(step);
            const seconds = preview ? "" : ` (${((Date.now() - entry.began) / 1000).toFixed(2)}s)`;
            const text =
                step.op === "delete-replaced" && !failed
                    ? done({ ...step, op: "replace" }, preview, failed)
                    : done(step, preview, failed);
            const difference = changes === "" ? "" : ` [diff: ${changes}]`;
            const status = text === "" ? "" : `${text}${seconds}${difference}`;
            Object.assign(entry, { step, status, running: false, failed });
            schedule();
        },
        message(text) {
            note = text.split("\n").pop() ?? "";
            schedule();
        },
        close() {
            clearTimeout(timer);
            note = "";
            draw(true);
            screen.write(showCursor);
            if (diff) {
                const changed = [...rows.values()].filter(({ step }) => step.op !== "same");
                screen.write(changed.flatMap(({ step }) => detail(step, style)).join(""));
            }
        },
    };
}

function detail(step: Step, style: Style): string[] {
    const lines = differenceLines(step);
    const head = style.op(step.op, `${signs[step.op]} ${typeOf(step.urn)} ${nameOf(step.urn)}`);
    return lines.length === 0 ? [] : [`${head}\n`, ...lines.map((line) => `    ${line}\n`)];
}

/** Keeps the end of what does not fit, where the running resources are. */
function fitting(lines: readonly string[], height: number): string[] {
    if (lines.length <= height) {
        return [...lines];
    }
    const hidden = lines.length - height + 1;
    return [`  … ${hidden} more above`, ...lines.slice(hidden)];
}

/** How the tree is drawn. */
export interface TreeOptions {
    readonly style: Style;
    readonly columns: number;
}

/** Lines of the tree: what changes, what runs, and the components these are in. */
export function treeLines(rows: readonly Row[], { style, columns }: TreeOptions): string[] {
    const byUrn = new Map(rows.map((entry) => [entry.urn, entry]));
    const shown = new Set<Urn>();
    for (const entry of rows) {
        const isQuiet =
            entry.status === "" || (entry.step.op === "refresh" && !entry.running && entry.step.found === "same");
        if (isQuiet && typeOf(entry.urn) !== rootStackType) {
            continue;
        }
        for (let at: Urn | undefined = entry.urn; at !== undefined && byUrn.has(at); at = byUrn.get(at)!.parent) {
            shown.add(at);
        }
    }
    const table: { left: string; name: string; entry: Row }[] = [];
    const walk = (entry: Row, prefix: string, branch: string): void => {
        table.push({ left: prefix + branch + typeOf(entry.urn), name: nameOf(entry.urn), entry });
        const children = rows.filter(({ parent, urn }) => parent === entry.urn && shown.has(urn));
        const below = branch === "" ? prefix : prefix + (branch.startsWith("└") ? "   " : "│  ");
        for (const child of children) {
            walk(child, below, child === children[children.length - 1] ? "└─ " : "├─ ");
        }
    };
    for (const entry of rows.filter(({ urn, parent }) => shown.has(urn) && !(parent && byUrn.has(parent)))) {
        walk(entry, "", "");
    }
    const widths = [
        Math.max(4, ...table.map(({ left }) => left.length)),
        Math.max(4, ...table.map(({ name }) => name.length)),
    ];
    const cell = (left: string, name: string) => `${left.padEnd(widths[0]!)}  ${name.padEnd(widths[1]!)}`;
    const head = style.dim(cut(`     ${cell("Type", "Name")}  Status`, columns));
    return [
        head,
        ...table.map(({ left, name, entry }) => {
            const op = entry.failed ? "delete" : wholeOf(entry.step.op);
            const plain = cut(
                ` ${signs[wholeOf(entry.step.op)]}  ${cell(left, name)}  ${entry.failed ? "**failed** " : ""}${entry.status}${runningFor(entry)}`,
                columns,
            );
            return style.op(op, plain);
        }),
    ];
}

/** Steps that make up a replacement are one row, and stand for it. */
function wholeOf(op: Op): Op {
    return op === "create-replacement" || op === "delete-replaced" ? "replace" : op;
}

/** Seconds that a step has been running, once there are any. */
function runningFor({ running, began }: Row): string {
    const seconds = Math.floor((Date.now() - began) / 1000);
    return running && seconds > 0 ? ` (${seconds}s)` : "";
}

/** Cuts a line to the width of the screen, where it would otherwise wrap and spoil the count of lines. */
function cut(line: string, columns: number): string {
    const trimmed = line.trimEnd();
    return trimmed.length < columns ? trimmed : `${trimmed.slice(0, Math.max(0, columns - 2))}…`;
}
