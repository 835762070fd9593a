mod crashes;
mod deadlines;
mod engine;
mod flow;
mod input;
mod payments;
mod refunds;
mod slots;
