use crate::bus::Form;
use crate::protocol::{Format, Framing};

/// How a subscription's deliveries become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) framing: Framing,
    pub(super) format: Format,
    /// Whether compressed frames are taken.
    pub(super) deflate: bool,
}

impl Encoding {
    /// As the bus knows it: two bits of framing, one of format, one of compression.
    pub(super) const fn form(self) -> Form {
        let format = match self.format {
            Format::Tagcast => 0,
            Format::CloudEvents => 4,
        };
        Form::new(self.framing as u8 | format | if self.deflate { 8 } else { 0 })
    }

    pub(super) const fn of(form: Form) -> Self {
        let bits = form.number();
        let framing = match bits & 3 {
            0 => Framing::WebSocket,
            1 => Framing::Sse,
            2 => Framing::Lines,
            _ => Framing::SseOfOld,
        };
        let format = if bits & 4 == 0 { Format::Tagcast } else { Format::CloudEvents };
        Self { framing, format, deflate: bits & 8 != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_comes_back_from_its_form() {
        let mut forms = Vec::new();
        for framing in Framing::ALL.into_iter().chain([Framing::SseOfOld]) {
            for format in [Format::Tagcast, Format::CloudEvents] {
                // Frames alone are compressed; the number that would be too much is none of theirs.
                for deflate in [false, true].into_iter().take(1 + usize::from(framing == Framing::WebSocket))
                {
                    let encoding = Encoding { framing, format, deflate };
                    assert_eq!(Encoding::of(encoding.form()), encoding);
                    assert!(!forms.contains(&encoding.form()), "{encoding:?}");
                    forms.push(encoding.form());
                }
            }
        }
    }
}
