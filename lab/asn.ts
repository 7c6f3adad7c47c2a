/** Autonomous system numbers: 32 bits (RFC 6793), read as asplain or asdot (RFC 5396), kept as plain numbers. */

import type { Asn } from "./model";

/** Largest 32-bit AS number. */
export const largestAsn = 4294967295;

/** Input is no AS number. */
export class AsnError extends Error {
    /**
     * @param says why the input is refused
     * @param fix what to write instead
     */
    constructor(
        readonly says: string,
        readonly fix: string,
    ) {
        super(`${says}; ${fix}`);
    }
}

const asnForms = 'write it as 65000, "AS65000" or "1.10" (RFC 5396)';

/** What the IANA registry of AS numbers says a number is for. */
export type AsnUse = "zero" | "as-trans" | "public" | "documentation" | "private" | "last" | "reserved";

/** Ranges of the registry that are not public, in ascending order. */
const ranges: readonly { readonly first: Asn; readonly last: Asn; readonly use: AsnUse; readonly source: string }[] = [
    { first: 0, last: 0, use: "zero", source: "RFC 7607" },
    { first: 23456, last: 23456, use: "as-trans", source: "RFC 6793" },
    { first: 64496, last: 64511, use: "documentation", source: "RFC 5398" },
    { first: 64512, last: 65534, use: "private", source: "RFC 6996" },
    { first: 65535, last: 65535, use: "last", source: "RFC 7300" },
    { first: 65536, last: 65551, use: "documentation", source: "RFC 5398" },
    { first: 65552, last: 131071, use: "reserved", source: "IANA AS numbers registry" },
    { first: 4200000000, last: 4294967294, use: "private", source: "RFC 6996" },
    { first: largestAsn, last: largestAsn, use: "last", source: "RFC 7300" },
];

/** What an AS number is for, by the IANA registry. */
export function asnUse(asn: Asn): AsnUse {
    return ranges.find(({ first, last }) => first <= asn && asn <= last)?.use ?? "public";
}

/**
 * Reads an AS number as people write it: `65000`, `"65000"`, `"AS65000"` or asdot `"1.10"`.
 *
 * @throws AsnError when the input is none of these, or a number with a fraction: YAML reads an unquoted 1.10 as 1.1
 */
export function parseAsn(input: unknown): Asn {
    if (typeof input === "number") {
        return fromNumber(input);
    }
    if (typeof input !== "string") {
        throw new AsnError(`${JSON.stringify(input) ?? "nothing"} is not an AS number`, asnForms);
    }
    const digits = /^(?:AS)?(0|[1-9]\d*)(?:\.(0|[1-9]\d*))?$/i.exec(input);
    if (digits === null) {
        throw new AsnError(`"${input}" is not an AS number`, asnForms);
    }
    return digits[2] === undefined
        ? fromNumber(Number(digits[1]))
        : fromAsdot(input, Number(digits[1]), Number(digits[2]));
}

function fromNumber(value: number): Asn {
    if (!Number.isInteger(value)) {
        throw new AsnError(
            `${value} has a fraction; YAML reads an unquoted asdot number such as 1.10 as 1.1`,
            'quote it ("1.10") or write it as asplain',
        );
    }
    if (value < 0 || value > largestAsn) {
        throw new AsnError(`${value} is not a 32-bit AS number`, `write a number from 1 to ${largestAsn}`);
    }
    return value;
}

function fromAsdot(text: string, high: number, low: number): Asn {
    if (high > 65535 || low > 65535) {
        throw new AsnError(`"${text}" is not asdot`, "write both parts as numbers of at most 65535 (RFC 5396)");
    }
    return high * 65536 + low;
}
