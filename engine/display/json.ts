import type { StackConfig } from "../config";
import type { Observer, Step } from "../events";
import { type ResourceState, serializeResource } from "../state";
import { rootStackType } from "../urn";
import type { PropertyMap } from "../values";
import { differencesOf } from "./difference";
import { collect } from "./display";
import type { Tally } from "./report";
import { blind } from "./values";
import { countedAs } from "./words";

/** Collects a preview, and prints it in the shape of the CLI's `preview --json`. */
export interface JsonDisplay extends Observer {
    readonly tally: Tally;
    finish(config: StackConfig): void;
}

/** Opens the display of `preview --json`. */
export function newJsonDisplay(stdout: NodeJS.WriteStream): JsonDisplay {
    const collected = collect("update");
    const began = Date.now();
    return {
        ...collected,
        finish(config) {
            const digest = {
                config: shownConfig(config),
                steps: collected.steps.filter(isListed).map(stepJson),
                diagnostics: collected.diagnostics.map(({ severity, message, urn }) => ({
                    ...(urn ? { urn } : {}),
                    message,
                    severity,
                })),
                duration: (Date.now() - began) * 1_000_000,
                changeSummary: Object.fromEntries(collected.tally.counts()),
            };
            stdout.write(`${JSON.stringify(digest, null, 2)}\n`);
        },
    };
}

function shownConfig({ values, secretKeys }: StackConfig): Record<string, string> {
    return Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, secretKeys.includes(key) ? "[secret]" : value]),
    );
}

/** Like the CLI, lists what changes, replacements as one step, and the stack itself. */
function isListed({ op, type }: Step): boolean {
    const part = op === "create-replacement" || op === "delete-replaced" || op === "discard-replaced";
    return !part && (op !== "same" || type === rootStackType);
}

function stepJson(step: Step): Record<string, unknown> {
    const { urn, old, new: next, diff, op } = step;
    const changed = op === "same" || old === undefined ? undefined : differencesOf(step);
    const detailedDiff =
        changed === undefined || changed.size === 0
            ? {}
            : {
                  detailedDiff: Object.fromEntries(
                      [...changed].map(([path, { kind, inputDiff }]) => [path, { kind, inputDiff }]),
                  ),
              };
    return {
        op: countedAs(step),
        urn,
        ...(next?.provider || old?.provider ? { provider: next?.provider || old?.provider } : {}),
        ...(old === undefined ? {} : { oldState: stateJson(old) }),
        ...(next === undefined ? {} : { newState: stateJson(next) }),
        ...(diff === undefined || diff.changedKeys.length === 0 ? {} : { diffReasons: diff.changedKeys }),
        ...(diff === undefined || diff.replaceKeys.length === 0 ? {} : { replaceReasons: diff.replaceKeys }),
        ...detailedDiff,
    };
}

/** A state without times and positions, with secrets by name only. */
function stateJson(state: ResourceState): Record<string, unknown> {
    const shown = {
        ...state,
        inputs: blind(state.inputs) as PropertyMap,
        ...(state.outputs === undefined ? {} : { outputs: blind(state.outputs) as PropertyMap }),
    };
    const { created, modified, sourcePosition, stackTrace, ...rest } = serializeResource(shown, "show");
    return rest;
}
