import type { Op, Step } from "../events";

/** Sign in front of a resource; the CLI's own. */
export const signs: Readonly<Record<Op, string>> = {
    same: "  ",
    create: "+ ",
    update: "~ ",
    delete: "- ",
    replace: "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    discard: "< ",
    "discard-replaced": "<<",
    "remove-pending-replace": "~ ",
    refresh: "~ ",
};

const present: Readonly<Record<Op, string>> = {
    same: "",
    create: "creating",
    update: "updating",
    delete: "deleting",
    replace: "replacing",
    "create-replacement": "creating replacement",
    "delete-replaced": "deleting original",
    discard: "discarding",
    "discard-replaced": "discarding original",
    "remove-pending-replace": "completing deletion",
    refresh: "refreshing",
};

const past: Readonly<Record<Op, string>> = {
    same: "",
    create: "created",
    update: "updated",
    delete: "deleted",
    replace: "replaced",
    "create-replacement": "created replacement",
    "delete-replaced": "deleted original",
    discard: "discarded",
    "discard-replaced": "discarded original",
    "remove-pending-replace": "completed deletion",
    refresh: "refresh",
};

/** What a step does while it runs. */
export function doing(step: Step): string {
    return present[step.op];
}

/** What a step did; what it would do, in a preview. */
export function done(step: Step, preview: boolean, failed: boolean): string {
    if (failed) {
        return `${present[step.op]} failed`;
    }
    if (step.op === "refresh") {
        return { same: "", update: "drift", delete: "gone" }[step.found ?? "same"];
    }
    if (!preview) {
        return past[step.op];
    }
    return step.op === "same" ? "" : step.op.replaceAll("-", " ");
}

/** The operation that a step counts as; a refresh counts as what it found. */
export function countedAs(step: Step): Op {
    if (step.op === "refresh") {
        return step.found ?? "same";
    }
    return step.op;
}

/** Words of the summary, per operation: `+ 3 to create` or `+ 3 created`. */
export const counted: readonly (readonly [Op, string, string])[] = [
    ["create", "to create", "created"],
    ["update", "to update", "updated"],
    ["delete", "to delete", "deleted"],
    ["replace", "to replace", "replaced"],
    ["discard", "to discard", "discarded"],
];
