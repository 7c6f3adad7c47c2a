import { familyName } from "../../lab/address";
import { wholeNumber, words } from "../parameters";
import { organisationPolicy } from "./policy";
import { peers, sessionFamilies } from "./session-families";

/** Most prefixes that a router can count. */
const countable = 4294967295;

/** A peer that goes wild cannot fill a router. */
export const maximumPrefixes = organisationPolicy({
    id: "ORG-MAX-001",
    name: "maximum-prefixes",
    description: "Routers limit how many prefixes they accept from the peers that the organisation names.",
    severity: "medium",
    source: "RFC 7454 §8; RFC 4486 §4",
    remediation: "Set maximumPrefixes to what the peer needs, with room to grow.",
    parameters: {
        sessions: words(
            peers,
            "Sessions that need a limit: with the cluster's nodes, with routers of another AS, with routers of the same AS.",
        ),
        most: wholeNumber(1, countable, "The highest limit that any session may have."),
    },
    *check(lab, { sessions = [], most = countable }) {
        for (const { peer, session, family, place } of sessionFamilies(lab)) {
            const limit = family.maximumPrefixes;
            const at = [...place, "maximumPrefixes"];
            if (limit === undefined && sessions.includes(peer)) {
                yield {
                    at,
                    says: `${session} accepts any number of ${familyName(family.family)} prefixes: the limit that the organisation asks for is missing`,
                    fix: `set maximumPrefixes${most === countable ? "" : ` to ${most} or less`}`,
                };
            }
            if (limit !== undefined && limit > most) {
                yield {
                    at,
                    says: `${session} accepts ${limit} ${familyName(family.family)} prefixes, more than the organisation's ${most}`,
                    fix: `set maximumPrefixes to ${most} or less`,
                };
            }
        }
    },
});
