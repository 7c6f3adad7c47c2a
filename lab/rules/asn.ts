import { type AsnUse, asnUse } from "../asn";
import { configuredAsns } from "./configured-asns";
import { rule } from "./rule";

const privateRanges = "use a private AS: 64512 to 65534, or 4200000000 to 4294967294";

/** Numbers that no speaker may have, and why. */
const reserved: Readonly<Partial<Record<AsnUse, string>>> = {
    zero: "is reserved and must not appear in an OPEN or AS_PATH (RFC 7607)",
    "as-trans": "is AS_TRANS, which stands in for 32-bit numbers (RFC 6793)",
    last: "is the last of its range and reserved (RFC 7300)",
    reserved: "is reserved by IANA",
};

/** Reserved AS numbers do not work, or will not one day. */
export const asnIsNotReserved = rule({
    id: "BGP-ASN-001",
    severity: "error",
    source: "IANA AS numbers registry",
    *check(lab) {
        for (const { who, asn, place } of configuredAsns(lab)) {
            const why = reserved[asnUse(asn)];
            if (why !== undefined) {
                yield { at: place, says: `${who} has AS ${asn}, which ${why}`, fix: privateRanges };
            }
        }
    },
});

/** Public numbers belong to someone; a lab that leaks them announces itself as that network. */
export const asnIsNotPublic = rule({
    id: "BGP-ASN-002",
    severity: "warning",
    source: "RFC 6996",
    *check(lab) {
        for (const { who, asn, place } of configuredAsns(lab)) {
            if (asnUse(asn) === "public") {
                yield {
                    at: place,
                    says: `${who} has AS ${asn}, which is public and may be another network's`,
                    fix: privateRanges,
                };
            }
        }
    },
});

/** Documentation numbers are for text, not for routers. */
export const asnIsNotForDocumentation = rule({
    id: "BGP-ASN-003",
    severity: "warning",
    source: "RFC 5398",
    *check(lab) {
        for (const { who, asn, place } of configuredAsns(lab)) {
            if (asnUse(asn) === "documentation") {
                yield {
                    at: place,
                    says: `${who} has AS ${asn}, which is reserved for documentation`,
                    fix: privateRanges,
                };
            }
        }
    },
});
