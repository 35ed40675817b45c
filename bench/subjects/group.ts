/**
 * group: the baseline of A. Group commit by hand, of the rows that fibric writes.
 */
import { derive } from "../hand/derive.ts"
import * as Group from "../hand/Group.ts"
import { type Open, runOf } from "./Subject.ts"

export const open: Open = async (url) => {
  const group = Group.open(url)
  return {
    run: runOf((wish) => group.act(derive(wish))),
    effects: group.effects,
    close: group.close
  }
}
