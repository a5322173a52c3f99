//! Who may come in: what a request's head proves, what becomes of those that prove nothing, and what each costs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::Method;

use super::status::SourceStatus;
use super::{Ingest, Refusal, book};
use crate::event::Timestamp;
use crate::limits::seldom;
use crate::log::Room;
use crate::metrics::CredentialLabel;
use crate::protocol::Code;
use crate::source::{self, Credential, Keys, Kind, Proof, Request, Secret, Settings, Verified};

/// A request that may come in as far as its head tells.
pub struct Admitted {
    pub(super) status: Arc<SourceStatus>,
    proof: Proof,
}

impl Admitted {
    /// Whether its sender showed what no stranger can, so that its source may be judged by it.
    pub fn is_proven(&self) -> bool {
        self.proof.is_proven
    }

    /// Whether its sender showed a secret in the head; where none is asked for, nobody can.
    pub(crate) fn shows_secret(&self) -> bool {
        self.is_proven() && !self.status.source.settings.asks_for_nothing()
    }

    /// Notes why the request is not taken after all, and hands it on.
    pub(super) fn refuse(&self, refusal: Refusal, now: Timestamp) -> Refusal {
        self.note_refusal(refusal.code(), &refusal.to_string(), now);
        refusal
    }

    /// The same for what http itself refuses. The source is judged by it once the sender is known.
    pub(crate) fn note_refusal(&self, code: Code, why: &str, now: Timestamp) {
        if self.is_proven() {
            self.status.note_refusal(code, why, now);
        } else {
            self.status.count_refusal(code);
        }
    }
}

/// A source that nobody set and nothing fits: who asks for one that does not exist is kept as busy by it.
pub(super) fn nobody() -> Settings {
    let secret = rand::random::<[u8; 32]>();
    Settings {
        credentials: vec![Credential::Bearer(Secret::new(secret))],
        ..Settings::new(Kind::Distribution, "")
    }
}

impl Ingest {
    /// Says before the body is read whether a request may come in at all, as far as its head tells.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for an unknown source, wrong credentials, address or method, and where its source's budget is spent.
    pub async fn admit(
        &self,
        name: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Admitted, Refusal> {
        let status = self.sources.get(name);
        let settings = status.map_or(&self.nobody, |status| &status.source.settings);
        let proof = self.with_keys(settings, |keys| source::admit(settings, request, keys, now)).await;
        let (status, proof) = match (status, proof) {
            (Some(status), Ok(proof)) => (status, proof),
            (status, Err(refusal)) => return Err(self.refuse_stranger(name, status, &refusal, request)),
            (None, Ok(_)) => return Err(Refusal::Unauthenticated),
        };
        let admitted = Admitted { status: Arc::clone(status), proof };
        self.check_room(name, &admitted, request).map_err(|refusal| admitted.refuse(refusal, now))?;
        Ok(admitted)
    }

    fn check_room(&self, name: &str, admitted: &Admitted, request: &Request<'_>) -> Result<(), Refusal> {
        let Admitted { status, proof } = admitted;
        if proof.is_proven {
            status.source.spend().map_err(Refusal::RateLimited)?;
        } else if proof.needs_body {
            // A signature can't be judged without its body; that is too much to do for one who only guesses.
            self.guesses.check(caller(request), name).map_err(|wait| {
                self.count_guess();
                Refusal::CredentialsRate(wait)
            })?;
        }
        if self.log.room() == Room::None {
            return Err(Refusal::StorageLow);
        }
        if status.is_warming() { Err(Refusal::Warming) } else { Ok(()) }
    }

    /// Checks what only the body can prove.
    pub(super) async fn verify<'a>(
        &self,
        admitted: &mut Admitted,
        request: Request<'a>,
        now: Timestamp,
    ) -> Result<Verified<'a>, Refusal> {
        let status = &admitted.status;
        let settings = &status.source.settings;
        let checked =
            self.with_keys(settings, |keys| source::verify_body(settings, request, keys, now)).await;
        let verified = checked
            .map_err(|refusal| self.refuse_stranger(&settings.name, Some(status), &refusal, &request))?;
        // Whoever asks by OPTIONS proved nothing, and is answered without the writer.
        if !admitted.proof.is_proven && *request.method == Method::POST {
            admitted.proof.is_proven = true;
            let spent = admitted.status.source.spend().map_err(Refusal::RateLimited);
            spent.map_err(|refusal| admitted.refuse(refusal, now))?;
        }
        Ok(verified)
    }

    /// Checks with the keys at hand, and where one is missing fetches it, once.
    async fn with_keys<T>(
        &self,
        settings: &Settings,
        check: impl Fn(&Keys) -> Result<T, source::Refusal>,
    ) -> Result<T, source::Refusal> {
        use source::Refusal::{NeedsKey, Unauthenticated};
        if !settings.needs_keys() {
            return check(&self.no_keys);
        }
        match check(&self.keys.at_hand()) {
            Err(NeedsKey(url)) => match self.keys.with(&url).await {
                None => Err(NeedsKey(url)),
                Some(keys) => check(&keys).map_err(|refusal| match refusal {
                    NeedsKey(_) => Unauthenticated("signed with an unknown key"),
                    other => other,
                }),
            },
            checked => checked,
        }
    }

    /// Says what is answered to one who is not the source, known or not: the same, at the same price. No word of it goes
    /// into what is known of the source, for anyone could say it.
    fn refuse_stranger(
        &self,
        name: &str,
        status: Option<&Arc<SourceStatus>>,
        refusal: &source::Refusal,
        request: &Request<'_>,
    ) -> Refusal {
        let answer = match refusal {
            source::Refusal::Unauthenticated(why) => {
                self.count_guess();
                if let Some(status) = status {
                    status.warn_of_strangers(why);
                } else {
                    seldom!(warn, "a request for a source that there is not");
                }
                let passed = self.guesses.count(caller(request), name);
                passed.map_or_else(Refusal::CredentialsRate, |()| Refusal::Unauthenticated)
            }
            other => Refusal::from(other),
        };
        match status {
            Some(status) => status.count_refusal(answer.code()),
            None => book::refuse(&self.metrics, answer.code()),
        }
        answer
    }

    fn count_guess(&self) {
        self.metrics.wrong_credentials.get_or_create(&CredentialLabel { kind: "source" }).inc();
    }

    /// Counts a refusal of a request that was never looked at.
    pub(crate) fn count_refusal(&self, source: &str, code: Code) {
        match self.sources.get(source) {
            Some(status) => status.count_refusal(code),
            None => book::refuse(&self.metrics, code),
        }
    }
}

/// Whose guess it would be.
fn caller(request: &Request<'_>) -> IpAddr {
    request.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
