import type { StackConfig } from "../config";
import type { Observer, Step } from "../events";
import { type ResourceState, serializeResource } from "../state";
import { rootStackType } from "../urn";
import { isObject, isSecret, type PropertyMap, type Value } from "../values";
import { differencesOf } from "./difference";
import { collect } from "./display";
import type { Tally } from "./report";
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
    const planned = new Map<Step, States>();
    return {
        ...collected,
        stepStarted(step) {
            if (isListed(step)) {
                // Now: what the step will make of its states is not part of the plan.
                planned.set(step, statesOf(step));
            }
        },
        finish(config) {
            const digest = {
                config: shownConfig(config),
                steps: collected.steps.filter(isListed).map((step) => stepJson(step, planned.get(step))),
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

/** A resource before and after a step, as far as it is there. */
interface States {
    readonly oldState?: Record<string, unknown>;
    readonly newState?: Record<string, unknown>;
}

function statesOf({ old, new: next }: Step): States {
    return {
        ...(old === undefined ? {} : { oldState: stateJson(old) }),
        ...(next === undefined ? {} : { newState: stateJson(next) }),
    };
}

function stepJson(step: Step, states: States | undefined): Record<string, unknown> {
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
        ...states,
        ...(diff === undefined || diff.changedKeys.length === 0 ? {} : { diffReasons: diff.changedKeys }),
        ...(diff === undefined || diff.replaceKeys.length === 0 ? {} : { replaceReasons: diff.replaceKeys }),
        ...detailedDiff,
    };
}

/** A state without times and positions, with secrets by name only; what is not known yet is Pulumi's own sign for it. */
function stateJson(state: ResourceState): Record<string, unknown> {
    const shown = {
        ...state,
        inputs: masked(state.inputs) as PropertyMap,
        ...(state.outputs === undefined ? {} : { outputs: masked(state.outputs) as PropertyMap }),
    };
    const { created, modified, sourcePosition, stackTrace, ...rest } = serializeResource(shown, "show");
    return rest;
}

function masked(value: Value): Value {
    if (isSecret(value)) {
        return "[secret]";
    }
    if (Array.isArray(value)) {
        return value.map(masked);
    }
    return isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner)]))
        : value;
}
