/**
 * fibric/connectors/orders: an order system in the ledger's own database. The public names, nothing else.
 */
export { holdOrder, Order, OrderRefused, Problem, releaseOrder, shipOrder } from "./Order.ts"
export { events, OrderEvent, OrderHeld, OrderReleased, OrderShipped } from "./OrderEvent.ts"
export { layer } from "./Orders.ts"
export { layerTables, migrate, type Options } from "./tables.ts"
