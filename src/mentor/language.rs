//! The languages that mentors speak, by their two-letter codes (ISO 639-1).

use super::Invalid;

/// How many one mentor names.
const MOST: usize = 10;

const CODES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv \
    dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it \
    iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb \
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss \
    st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

pub(super) fn is_code(text: &str) -> bool {
    CODES.split_whitespace().any(|code| code == text)
}

/// # Errors
/// More than ten, one twice, or one that is no code.
pub(super) fn check(languages: &[String]) -> Result<(), Invalid> {
    if languages.len() > MOST {
        return Err(Invalid::new("languages", "takes at most 10 entries"));
    }
    for (i, language) in languages.iter().enumerate() {
        if !is_code(language) {
            return Err(Invalid::new("languages", "takes ISO 639-1 codes such as ko"));
        }
        if languages[..i].contains(language) {
            return Err(Invalid::new("languages", "names none twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_and_named_once() {
        let of = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        assert_eq!(CODES.split_whitespace().count(), 183);
        for good in [&[][..], &["ko"], &["ko", "en", "ja"]] {
            assert_eq!(check(&of(good)), Ok(()));
        }
        for bad in [&["xx"][..], &["KO"], &["korean"], &[""], &["ko", "ko"], &["k,"]] {
            assert!(check(&of(bad)).is_err(), "{bad:?}");
        }
        assert!(check(&of(&["aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay"])).is_err());
    }
}
