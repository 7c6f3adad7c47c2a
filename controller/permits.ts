import { contains, familyBits, familyOf, lengthOf } from "../lab/address";
import type { Prefix, PrefixListEntry } from "../lab/model";

/** Whether an ordered prefix list lets a prefix pass: its first entry that matches decides, and without one it does not. */
export function permits(entries: readonly PrefixListEntry[], prefix: Prefix): boolean {
    return entries.find((entry) => matches(entry, prefix))?.action === "permit";
}

/** Without bounds of its own an entry means its prefix alone (FRR: `ip prefix-list`). */
function matches({ prefix, ge, le }: PrefixListEntry, asked: Prefix): boolean {
    if (familyOf(prefix) !== familyOf(asked) || !contains(prefix, asked)) {
        return false;
    }
    const shortest = ge ?? lengthOf(prefix);
    const longest = le ?? (ge === undefined ? shortest : familyBits(familyOf(prefix)));
    return lengthOf(asked) >= shortest && lengthOf(asked) <= longest;
}
