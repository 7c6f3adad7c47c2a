import type { Step } from "../events";
import { rootStackType, type Urn } from "../urn";
import { differenceLines, shortDifference } from "./difference";
import type { Progress } from "./progress";
import { title } from "./report";
import type { Style } from "./style";
import { doing, done, signs } from "./words";

/** Progress as lines, for logs and pipes: one when a step begins, one when it ends; nothing for what is unchanged. */
export function plainProgress(
    print: (line: string) => void,
    options: { preview: boolean; diff: boolean; style: Style },
): Progress {
    const started = new Map<Urn, number>();
    const { preview, diff, style } = options;
    const line = (step: Step, status: string) => {
        print(` ${style.op(step.op, signs[step.op])} ${title(step.urn)} ${style.op(step.op, status)}`.trimEnd());
    };
    const isQuiet = (step: Step) => step.op === "same" || (step.type === rootStackType && step.op === "refresh");
    return {
        started(step) {
            started.set(step.urn, Date.now());
            if (!preview && !isQuiet(step) && step.op !== "replace") {
                line(step, doing(step));
            }
        },
        ended(step, failed) {
            const text = done(step, preview, failed);
            if (text === "" || isQuiet(step)) {
                return;
            }
            const seconds = ((Date.now() - (started.get(step.urn) ?? Date.now())) / 1000).toFixed(2);
            const changes = diff ? "" : shortDifference(step);
            const what = changes === "" ? text : `${text} [diff: ${changes}]`;
            line(step, preview ? what : `${what} (${seconds}s)`);
            if (diff) {
                for (const changed of differenceLines(step)) {
                    print(`        ${changed}`);
                }
            }
        },
        message: (text) => print(text),
        close: () => undefined,
    };
}
