import type { Diagnostic, Observer, Step } from "../events";
import type { ResourceState } from "../state";
import { createUrn, isProviderType, nameOf, rootStackType } from "../urn";
import type { PropertyMap } from "../values";
import { plainProgress } from "./plain";
import type { Progress } from "./progress";
import { diagnosticLines, newTally, outputLines, summaryLines, type Tally } from "./report";
import { newStyle } from "./style";
import { treeProgress } from "./tree";

/** What a display has to know. */
export interface DisplayOptions {
    readonly project: string;
    readonly stack: string;
    readonly kind: "update" | "refresh" | "destroy";
    readonly preview: boolean;
    readonly diff: boolean;
    readonly stdout: NodeJS.WriteStream;
}

/** Collects what happens in a run, shows it as it goes, and sums it up. */
export interface Display extends Observer {
    readonly tally: Tally;
    readonly steps: readonly Step[];
    readonly diagnostics: readonly Diagnostic[];
    /** Prints the end of a run. @param before outputs of the stack before the run */
    finish(before: PropertyMap | undefined, milliseconds: number): void;
}

const headings = {
    update: ["Previewing update", "Updating"],
    refresh: ["Previewing refresh", "Refreshing"],
    destroy: ["Previewing destroy", "Destroying"],
} as const;

/** Opens the display for people; `--json` has its own. */
export function newDisplay(options: DisplayOptions): Display {
    const { stdout, preview, kind, stack, project, diff } = options;
    const style = newStyle(stdout.isTTY === true && !process.env.NO_COLOR);
    const print = (line: string) => void stdout.write(`${line}\n`);
    const collected = collect(kind);
    print(style.heading(`${headings[kind][preview ? 0 : 1]} (${stack}):`));
    const progress = progressOn(stdout, { preview, diff, style }, print);
    const stackUrn = createUrn(stack, project, "", rootStackType, `${project}-${stack}`);
    return {
        ...collected,
        stepStarted(step) {
            if (isShown(step)) {
                progress.started(step);
            }
        },
        stepEnded(step, failed) {
            collected.stepEnded(step, failed);
            if (isShown(step)) {
                progress.ended(step, failed);
            }
        },
        diagnostic(diagnostic) {
            if (diagnostic.ephemeral) {
                progress.message(diagnostic.message.trimEnd());
            } else {
                collected.diagnostic(diagnostic);
            }
        },
        finish(before, milliseconds) {
            progress.close();
            print("");
            const after = collected.stackOutputs();
            const sections = [
                diagnosticLines(collected.diagnostics, stackUrn, style),
                kind === "update" && after !== undefined ? [...outputLines(before, after, style), ""] : [],
                [...summaryLines(collected.tally.counts(), preview, style), ""],
                preview ? [] : [`Duration: ${duration(milliseconds)}`],
            ];
            for (const line of sections.filter((lines) => lines.length > 1 || lines[0]).flat()) {
                print(line);
            }
        },
    };
}

/** A tree on a terminal that is large enough for one, lines everywhere else. */
function progressOn(
    stdout: NodeJS.WriteStream,
    options: Parameters<typeof plainProgress>[1],
    print: (line: string) => void,
): Progress {
    const [minimumColumns, minimumRows] = [60, 10];
    const fits = stdout.isTTY === true && stdout.columns >= minimumColumns && stdout.rows >= minimumRows;
    if (!fits || process.env.TERM === "dumb") {
        return plainProgress(print, options);
    }
    const screen = {
        write: (text: string) => void stdout.write(text),
        get columns() {
            return stdout.columns;
        },
        get rows() {
            return stdout.rows;
        },
    };
    return treeProgress(screen, options);
}

function duration(milliseconds: number): string {
    return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)}s` : `${Math.round(milliseconds / 1000)}s`;
}

/** Default providers come and go with the resources that need them; the CLI does not show them either. */
function isShown({ type, urn }: Step): boolean {
    return !(isProviderType(type) && /^default(_|$)/.test(nameOf(urn)));
}

/** The part of a display that only remembers. @param kind of the run; refreshes count only in one of their own */
export function collect(
    kind: DisplayOptions["kind"],
): Omit<Display, "finish"> & { stackOutputs(): PropertyMap | undefined } {
    const steps: Step[] = [];
    const diagnostics: Diagnostic[] = [];
    const tally = newTally();
    let outputs: PropertyMap | undefined;
    return {
        tally,
        steps,
        diagnostics,
        stackOutputs: () => outputs,
        stepStarted: () => undefined,
        stepEnded(step, failed) {
            const counts = step.op !== "refresh" || kind === "refresh";
            if (!failed && counts && isShown(step)) {
                steps.push(step);
                tally.add(step);
            }
        },
        outputs(state: ResourceState, values) {
            if (state.type === rootStackType) {
                outputs = values;
            }
        },
        diagnostic(diagnostic) {
            if (diagnostic.severity !== "debug" && !diagnostic.ephemeral) {
                joinStream(diagnostics, diagnostic);
            }
        },
        programOutput(stream, line) {
            diagnostics.push({ severity: stream === "stdout" ? "info" : "info#err", message: line });
        },
    };
}

/** Pieces of one stream become one message. */
function joinStream(diagnostics: Diagnostic[], diagnostic: Diagnostic): void {
    const last = diagnostics[diagnostics.length - 1];
    const isSame =
        diagnostic.streamId !== undefined &&
        diagnostic.streamId !== 0 &&
        last?.streamId === diagnostic.streamId &&
        last.urn === diagnostic.urn;
    if (isSame) {
        diagnostics[diagnostics.length - 1] = { ...last, message: last.message + diagnostic.message };
    } else {
        diagnostics.push(diagnostic);
    }
}
