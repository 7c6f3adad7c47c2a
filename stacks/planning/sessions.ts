/** Settings of sessions that routers have in more than one topology. */

import type { SessionFamily } from "../../lab/model";

/** The limit on what a session accepts of a family, where one is set. */
export function limitOf(parameters: {
    readonly maximumPrefixes?: number | undefined;
}): Pick<SessionFamily, "maximumPrefixes"> {
    const { maximumPrefixes } = parameters;
    return maximumPrefixes === undefined ? {} : { maximumPrefixes };
}
