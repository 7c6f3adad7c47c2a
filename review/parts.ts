/** Things that have named parts, of which each may come, go or change. */

import { type Facts, facts, factTexts, fieldChanges, renamed } from "./facts";
import { pairByName } from "./pairing";
import type { FieldChange } from "./review";

/** What is said of each part, by its name for people. */
export type Parts = Readonly<Record<string, Facts>>;

/**
 * The fields in which parts differ. A part that comes or goes is one field, with all that is said of it.
 *
 * @param fieldOf the name of a part's field
 */
export function partChanges(
    before: Parts,
    after: Parts,
    fieldOf: (part: string, field: string) => string,
): readonly FieldChange[] {
    return pairByName(before, after).flatMap(([part, { before: was, after: is }]) =>
        was === undefined || is === undefined
            ? fieldChanges(whole(part, was), whole(part, is))
            : fieldChanges(
                  renamed(was, (field) => fieldOf(part, field)),
                  renamed(is, (field) => fieldOf(part, field)),
              ),
    );
}

/** In an order of its own: that of a model's keys is lost in a stack's state. */
function whole(part: string, account: Facts | undefined): Facts {
    return facts([part, account && [...factTexts(account)].sort().join(", ")]);
}
