/** What is new about findings: one that is only worded otherwise, because a value or a number in it changed, is not. */

import { type Finding, isError } from "../lab/rules/findings";
import type { FindingsChange } from "./review";

/** Findings by what a change does to them, errors first. */
export interface News {
    readonly errors: readonly Finding[];
    readonly warnings: readonly Finding[];
    readonly infos: readonly Finding[];
    /** Of the same rule at the same place as before, and not only more or fewer of them. */
    readonly reworded: readonly Finding[];
    readonly gone: readonly Finding[];
}

/** Sorts what is new and what is gone. */
export function newsOf({ fresh, gone }: FindingsChange): News {
    const [was, is] = [new Set(gone.map(nameOf)), new Set(fresh.map(nameOf))];
    const said = new Set(gone.map(messageOf));
    const news = fresh.filter((finding) => !was.has(nameOf(finding)));
    return {
        errors: news.filter(isError),
        warnings: news.filter(({ severity }) => severity === "warning"),
        infos: news.filter(({ severity }) => severity === "info"),
        reworded: fresh.filter((finding) => was.has(nameOf(finding)) && !said.has(messageOf(finding))),
        gone: gone.filter((finding) => !is.has(nameOf(finding))),
    };
}

/** What a finding says but for how many there are like it. */
function messageOf(finding: Finding): string {
    return `${nameOf(finding)} ${finding.says.replace(/ \(and \d+ more like this\)$/, "")}`;
}

function nameOf({ id, at }: Finding): string {
    return `${id} ${at}`;
}
