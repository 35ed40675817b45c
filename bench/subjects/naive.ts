/**
 * naive: two autocommit statements an effect, on a pool of 16 connections. The gauge of A and C, and what
 * most people would write.
 */
import { derive } from "../hand/derive.ts"
import * as Naive from "../hand/Naive.ts"
import { type Open, runOf } from "./Subject.ts"

export const open: Open = async (url) => {
  const naive = Naive.open(url)
  return {
    run: runOf((wish) => naive.act(derive(wish))),
    effects: naive.effects,
    close: naive.client.close
  }
}
