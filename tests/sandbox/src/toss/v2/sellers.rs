//! Registering, changing, deleting and reviewing sellers.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::seller::{Profile, Seller, SellerStatus};
use crate::id;
use crate::state::State;
use crate::toss::errors::TossError;
use crate::toss::webhook::Event;

#[derive(Debug)]
pub(crate) struct Sellers {
    /// In the order of registration.
    all: Vec<Seller>,
    /// Every reference ever used, those of deleted sellers too.
    used: HashSet<String>,
    /// Account numbers that a bank does not confirm, and the code it gives.
    pub(crate) refused_accounts: HashMap<String, String>,
    /// References are 7 to 20 letters, digits, `-` or `_`: known from other users of the service alone.
    pub(crate) check_references: bool,
}

impl Default for Sellers {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            used: HashSet::new(),
            refused_accounts: HashMap::new(),
            check_references: true,
        }
    }
}

impl Sellers {
    pub(crate) fn list(&self) -> impl Iterator<Item = &Seller> {
        self.all.iter()
    }

    pub(super) fn get(&self, id: &str) -> Result<&Seller, TossError> {
        self.all.iter().find(|seller| seller.id == id).ok_or_else(|| TossError::of("SELLER_NOT_FOUND"))
    }

    pub(super) fn register(&mut self, body: Option<&Value>) -> Result<Seller, TossError> {
        let invalid = || TossError::of("INVALID_REQUEST");
        let profile = body.and_then(|body| Profile::deserialize(body).ok()).ok_or_else(invalid)?;
        if self.check_references && !is_reference(&profile.ref_seller_id) || profile.ref_seller_id.is_empty()
        {
            return Err(invalid());
        }
        self.check(&profile)?;
        if !self.used.insert(profile.ref_seller_id.clone()) {
            return Err(TossError::of("DUPLICATED_REF_SELLER_ID"));
        }
        let status = SellerStatus::of_new(profile.business_type);
        let seller = Seller::new(id::seller_id(), status, profile);
        self.all.push(seller.clone());
        Ok(seller)
    }

    /// What is given is laid over what is known; null deletes what may be absent.
    pub(super) fn update(&mut self, id: &str, body: Option<&Value>) -> Result<Seller, TossError> {
        let invalid = || TossError::of("INVALID_REQUEST");
        let seller = self.get(id)?;
        let patch = body.filter(|body| body.is_object()).ok_or_else(invalid)?;
        let mut merged = serde_json::to_value(seller.profile()).expect("plain data is valid JSON");
        merge(&mut merged, patch);
        let profile = Profile::deserialize(&merged).map_err(|_| invalid())?;
        // Neither the reference nor the kind of business can be changed; the second is a guess.
        if profile.ref_seller_id != seller.ref_seller_id || profile.business_type != seller.business_type {
            return Err(invalid());
        }
        self.check(&profile)?;
        let changed = Seller::new(seller.id.clone(), seller.status, profile);
        if let Some(known) = self.all.iter_mut().find(|seller| seller.id == id) {
            *known = changed.clone();
        }
        Ok(changed)
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<(), TossError> {
        self.get(id)?;
        self.all.retain(|seller| seller.id != id);
        Ok(())
    }

    /// By the provider's id or the merchant's reference.
    pub(super) fn find_mut(&mut self, id_or_ref: &str) -> Option<&mut Seller> {
        self.all.iter_mut().find(|seller| seller.id == id_or_ref || seller.ref_seller_id == id_or_ref)
    }

    fn check(&self, profile: &Profile) -> Result<(), TossError> {
        profile.check()?;
        match self.refused_accounts.get(&profile.account.account_number) {
            Some(code) => Err(TossError::of(code)),
            None => Ok(()),
        }
    }
}

/// The provider's decision about a seller; the first APPROVAL_REQUIRED is not told.
///
/// # Errors
/// When there is no such seller.
pub(crate) fn set_status(
    state: &mut State,
    id_or_ref: &str,
    status: SellerStatus,
) -> anyhow::Result<(Seller, Vec<Event>)> {
    let seller = state.sellers.find_mut(id_or_ref).with_context(|| format!("no seller {id_or_ref}"))?;
    seller.status = status;
    let seller = seller.clone();
    let told = status != SellerStatus::ApprovalRequired;
    let events = told.then(|| Event::Seller(Box::new(seller.clone()))).into_iter().collect();
    Ok((seller, events))
}

fn is_reference(text: &str) -> bool {
    (7..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Value::Object(known) = into else { return };
    for (name, value) in fields {
        if value.is_null() {
            known.remove(name);
        } else {
            merge(known.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
