/// How a subscriber takes deliveries, by a number of the wire's own. The bus only gathers the forms of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(u8);

/// A set of forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms(u16);

impl Form {
    /// Takes the values as they are: the wire makes nothing for it.
    pub const VALUES: Self = Self(15);

    /// The form of a number below 15.
    pub(crate) const fn new(number: u8) -> Self {
        assert!(number < Self::VALUES.0);
        Self(number)
    }

    /// Its number.
    pub(crate) const fn number(self) -> u8 {
        self.0
    }
}

impl Forms {
    pub(crate) fn insert(&mut self, form: Form) {
        if form != Form::VALUES {
            self.0 |= 1 << form.0;
        }
    }

    /// Each of them, values left out.
    pub(crate) fn iter(self) -> impl Iterator<Item = Form> {
        (0..Form::VALUES.0).filter(move |number| self.0 >> number & 1 == 1).map(Form)
    }
}
