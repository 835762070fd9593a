//! The end: the ledger of the story, the audit of everything, the mails.

use anyhow::{Result, ensure};
use konnect::ledger;
use serde_json::Value;

use super::people::Admin;
use super::person::{Entry, Person};
use super::text::{short, won};
use super::timeline::Mark;
use super::world::{Cast, World};

/// Prints every entry of the story's reservations and checks that debits equal credits.
pub async fn show_ledger(world: &World) -> Result<()> {
    world.line.part("The ledger of the three reservations");
    let rule = "-".repeat(68);
    let row = |a: &str, b: &str, c: &str, debit: &str, credit: &str| {
        format!("{a:<12} {b:<9} {c:<19} {debit:>12} {credit:>12}").trim_end().to_owned()
    };
    world.line.plain(&row("reservation", "entry", "account", "debit", "credit"));
    world.line.plain(&rule);
    let (mut debits, mut credits) = (0, 0);
    for id in &world.reservations {
        let rows = ledger::entries_of_reservation(&world.db, id.parse()?).await?;
        if rows.is_empty() {
            world.line.plain(&row(&short(id), "none", "", "", ""));
        }
        for posting in rows {
            let amount = posting.amount_krw.0;
            let (debit, credit) = if amount > 0 { (amount, 0) } else { (0, -amount) };
            debits += debit;
            credits += credit;
            let shown = |amount: i64| if amount == 0 { String::new() } else { won(amount) };
            let cells = [shown(debit), shown(credit)];
            world.line.plain(&row(&short(id), &posting.kind, posting.account.name(), &cells[0], &cells[1]));
        }
    }
    world.line.plain(&rule);
    world.line.plain(&row("", "", "sum", &won(debits), &won(credits)));
    world.line.plain("");
    world.line.promise(debits > 0 && debits == credits, "debits and credits sum to zero")
}

/// The auditor looks at all live data, not at the story's alone.
pub async fn audit(world: &World, admin: Admin<'_>) -> Result<()> {
    let mut auditor = Person::new(&world.line, &world.rest, "admin", Entry::Ticket, admin.email);
    auditor.log_in(admin.password).await?;
    let violations = |audit: &Value| audit["violations"].as_array().map_or(usize::MAX, Vec::len);
    let note = |audit: &Value| format!("{} violations", violations(audit));
    let audit = auditor.send(auditor.rest.get("/v1/admin/audit"), 200, note).await?;
    ensure!(violations(&audit) == 0, "not as promised: the audit found {}", audit["violations"]);
    world.line.promise(true, "the audit of all slots, states and money finds nothing")
}

/// The mails that the stand-in's mail server took, one line each.
pub async fn show_mails(world: &World, cast: &Cast) -> Result<()> {
    for person in [&cast.mentor, &cast.mentee] {
        let subjects = world.toss.mails_to(&person.email).await?;
        for subject in &subjects {
            world.line.line("mail", Mark::Turn, &format!("to the {}: {subject}", person.role));
        }
        world.line.promise(!subjects.is_empty(), &format!("the {} has mail", person.role))?;
    }
    Ok(())
}
