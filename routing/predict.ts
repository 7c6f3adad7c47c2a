/** Predicts what a lab's control plane settles on: a BGP simulator over the model. */

import type { Lab } from "../lab/model";
import { describe } from "./describe";
import type { Prediction } from "./prediction";
import { simulate } from "./simulate";

export { type Unrest, UnrestError } from "./unrest";

/**
 * The sessions, BGP routes and forwarding tables of a lab at rest.
 *
 * @throws UnrestError when routing does not come to rest
 */
export function predict(lab: Lab): Prediction {
    return describe(lab, simulate(lab));
}
