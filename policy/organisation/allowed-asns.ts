import { configuredAsns } from "../../lab/rules/configured-asns";
import { type AsnRange, asnRanges } from "../parameters";
import { organisationPolicy } from "./policy";

/** Speakers have AS numbers that the organisation may use. */
export const allowedAsns = organisationPolicy({
    id: "ORG-ASN-001",
    name: "allowed-asns",
    description: "Every BGP speaker has an AS number of the organisation's ranges.",
    severity: "high",
    source: "RFC 6996",
    remediation: "Give the speaker a number of the ranges, or ask for the ranges to be widened.",
    parameters: {
        ranges: asnRanges("AS numbers that speakers may have: ranges, or single numbers; asdot in quotes."),
    },
    *check(lab, { ranges = [] }) {
        for (const { who, asn, place } of configuredAsns(lab)) {
            if (!ranges.some(({ first, last }) => first <= asn && asn <= last)) {
                yield {
                    at: place,
                    says: `${who} has AS ${asn}, which is not one of the organisation's`,
                    fix: `use ${ranges.map(rangeText).join(", ")}`,
                };
            }
        }
    },
});

function rangeText({ first, last }: AsnRange): string {
    return first === last ? `${first}` : `${first} to ${last}`;
}
