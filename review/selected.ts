/** What is said of neighbors by label. */

import { familyName } from "../lab/address";
import type { AllowedPrefix, PodNeighbor } from "../lab/model";
import { selectorText } from "../lab/selectors";
import { type Facts, facts, factsIn, joined } from "./facts";

/** Who is selected, how the sessions are, and what is taken of them. */
export function selectedFacts({ name: _name, ...neighbor }: PodNeighbor): Facts {
    const { namespace, selector, remoteAs, families, importPolicy, ...settings } = neighbor;
    const { allowed, forbidden, ownAddress } = importPolicy;
    return joined(
        facts(
            ["selector", selectorText(selector)],
            ["namespace", namespace],
            ["AS", remoteAs.kind === "asn" ? String(remoteAs.asn) : "any other"],
        ),
        factsIn(settings),
        facts(
            ["families", families.map(familyName)],
            ["allowed", allowed.map(allowedText)],
            ["forbidden", forbidden],
            ["own address", ownAddress ? "taken" : "refused"],
        ),
    );
}

function allowedText({ prefix, le }: AllowedPrefix): string {
    return le === undefined ? prefix : `${prefix} le ${le}`;
}
