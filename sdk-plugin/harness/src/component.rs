//! What a component asks for and gives, read from its outermost import and export sections
//! (Component Model, `Binary.md`). For showing alone: whether it may run is the plugin host's to say.

/// Names of a component's imports and exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// What it asks for, as `patchbay:plugin/http@1.0.0`.
    pub imports: Vec<String>,
    /// What it gives, as `pull`.
    pub exports: Vec<String>,
}

const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;

impl Interface {
    /// Reads it. What is not understood is left out.
    #[must_use]
    pub fn of(component: &[u8]) -> Self {
        let mut found = Self::default();
        let mut reader = Reader(component.get(8..).unwrap_or_default());
        while let Some((id, mut section)) = reader.section() {
            match id {
                IMPORTS => found.imports.extend(section.all(Reader::import)),
                EXPORTS => found.exports.extend(section.all(Reader::export)),
                _ => {}
            }
        }
        found
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn section(&mut self) -> Option<(u8, Self)> {
        let id = self.byte()?;
        let length = self.number()?;
        self.take(length).map(|bytes| (id, Reader(bytes)))
    }

    fn all(&mut self, one: impl Fn(&mut Self) -> Option<Option<String>>) -> Vec<String> {
        let count = self.number().unwrap_or_default();
        (0..count).map_while(|_| one(self)).flatten().collect()
    }

    /// `import ::= in:<importname'> ed:<externdesc>`; a type is only a name for what is there, so it is left out.
    fn import(&mut self) -> Option<Option<String>> {
        let name = self.name()?;
        let is_type = self.0.first() == Some(&0x03);
        self.description()?;
        Some((!is_type).then_some(name))
    }

    /// `export ::= en:<exportname'> si:<sortidx> ed?:<externdesc>?`
    fn export(&mut self) -> Option<Option<String>> {
        let name = self.name()?;
        if self.byte()? == 0x00 {
            self.byte()?;
        }
        self.number()?;
        if self.byte()? == 0x01 {
            self.description()?;
        }
        Some(Some(name))
    }

    /// A name with what kind of name it is before it.
    fn name(&mut self) -> Option<String> {
        // 0x02 says that a version's suffix follows, which no toolchain writes yet.
        if self.byte()? > 0x01 {
            return None;
        }
        let length = self.number()?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn description(&mut self) -> Option<()> {
        match self.byte()? {
            // A core module: 0x11 stands before its type.
            0x00 => _ = self.byte()?,
            // The bound of a value or a type is a byte before the index.
            0x02 => _ = self.byte()?,
            0x03 if self.byte()? == 0x01 => return Some(()),
            _ => {}
        }
        self.number().map(|_| ())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// LEB128, as far as it fits.
    fn number(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for shift in [0_u32, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
