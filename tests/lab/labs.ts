import type { Lab } from "../../lab/model";
import { planSingleFrr, type SingleFrr, schema } from "../../stacks/single-frr";

type Writable<T> = T extends readonly (infer Item)[]
    ? Writable<Item>[]
    : T extends object
      ? { -readonly [Key in keyof T]: Writable<T[Key]> }
      : T;

/** A lab that a test may change in place. */
export type Draft = Writable<Lab>;

/** Parameters of a small lab about which no rule has anything to say, not even a warning. */
export const quiet = {
    workers: 2,
    replicas: 2,
    linkPools: ["10.9.0.0/16", "fd00:9::/48"],
    nodeTimers: { holdTime: 9, keepalive: 3, connectRetry: 5 },
    gracefulRestartTime: 9,
    importFilter: [
        { prefix: "10.254.0.0/24", le: 32 },
        { prefix: "fd00:10:254::/64", le: 128 },
    ],
};

/** The quiet lab with some parameters changed, and then its model changed in place. */
export function lab(parameters: object = {}, change: (draft: Draft) => void = () => {}): Lab {
    const planned = planSingleFrr(schema.parse({ ...quiet, ...parameters }) as SingleFrr);
    // Through text, because a structured clone would keep values shared that the plan shares.
    const draft = JSON.parse(JSON.stringify(planned)) as Draft;
    change(draft);
    return draft as Lab;
}
