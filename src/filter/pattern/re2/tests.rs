use super::*;

#[test]
fn what_re2_lacks_is_refused_at_its_place() {
    for (text, start, end) in [
        ("release-(", 8, 9),
        ("a)b", 1, 2),
        ("[ab", 0, 1),
        ("[a-", 0, 1),
        (r"\u0041", 0, 2),
        (r"a\", 1, 2),
        ("a**", 2, 3),
        ("a{2}{3}?", 4, 8),
        ("*a", 0, 1),
        ("(?i)+", 4, 5),
        ("(?x)a", 2, 3),
        ("(?i-u:a)", 4, 5),
        ("(?i-)", 4, 5),
        ("a(?", 1, 2),
        (r"a\Zb", 1, 3),
        (r"\p{Alphabetic}", 0, 14),
        (r"\d\d\p{Alphabetic}", 4, 18),
        (r"[\p{Grek}]", 1, 9),
        (r"\pl", 0, 3),
        ("a[[:name:]]", 2, 10),
        ("[z-a]", 1, 4),
        ("a[^--b]", 3, 5),
        (r"[a-\d]", 3, 5),
        ("a{1001}", 1, 7),
        ("(a{100}){11}", 8, 12),
        ("a{,3}", 1, 5),
        ("a{02}", 1, 5),
        ("a{ 2 }", 1, 6),
        (r"(a)\1", 3, 5),
        (r"\x{110000}", 0, 10),
        (r"\x4g", 0, 4),
        (r"(?i)[a-\x{ffff}][a-\x{ffff}]", 17, 27),
        (r"(?i:\pL)(?i)\pL\pL", 15, 18),
        ("a{2,1}", 1, 6),
        ("(?=a)", 0, 3),
        ("(?P<a.b>c)", 4, 7),
        ("(?P<a", 4, 5),
    ] {
        let bad = parse(text, Reading::Strict).unwrap_err();
        assert_eq!((bad.start, bad.end), (start, end), "{text}: {}", bad.message);
        assert!(bad.end <= text.len() && text.is_char_boundary(bad.start) && text.is_char_boundary(bad.end));
    }
}

#[test]
fn counts_within_each_other_make_a_thousand_at_most() {
    for (text, fits) in [
        ("(a{100}){9}", true),
        ("(a{100}){10}", true),
        ("(a{91}){11}", false),
        ("((a{7}){11}){13}", false),
        ("((a{8}|b{5}){5}){25}", true),
        ("((a{8}|b{5}){5}){26}", false),
        ("(a{1,}){1000}", true),
        ("(a{2,}){501}", false),
        ("(a{0}){1000}", true),
        ("(a*b+c?){1000}", true),
        ("a{1000}b{1000}", true),
    ] {
        assert_eq!(parse(text, Reading::Strict).is_ok(), fits, "{text}");
        assert!(parse(text, Reading::Stored).is_ok(), "{text}");
    }
}

#[test]
fn what_was_taken_once_is_read_as_it_was() {
    for (text, now) in [
        ("(?:ab{40}){30}", "(?:(?:ab{40}){15}){2}"),
        ("a{,3}", "a{0,3}"),
        ("a{02}", "a{2}"),
        ("a{ 2 , 3 }", "a{2,3}"),
        (r"\p{GREEK}", r"\p{Greek}"),
        (r"\p{Grek}", r"\p{Greek}"),
        (r"\pl", r"\pL"),
        ("[--b]", r"[\-b]"),
        ("[^---)]", r"[^\-)]"),
        ("(?P<a.b[0]>x)", "(?P<n>x)"),
    ] {
        assert!(parse(text, Reading::Strict).is_err(), "{text}");
        let hir = |text| format!("{:?}", parse(text, Reading::Stored).unwrap().hir);
        if text != "(?:ab{40}){30}" {
            assert_eq!(hir(text), hir(now), "{text}");
        }
    }
}

#[test]
fn a_group_around_everything_is_dropped() {
    for (text, unwrapped) in [
        ("^(?:a+)$", "^a+$"),
        ("^(?:(?:a+))$", "^a+$"),
        ("^(?:a|b+)$", "^(?:a|b+)$"),
        ("^(?:(?:a|b+))$", "^(?:a|b+)$"),
        ("^(?:(?i)a)$", "^(?:(?i)a)$"),
        ("^(?:((?i)a))$", "^((?i)a)$"),
        ("^(a+)$", "^(a+)$"),
        ("^(?:a)(?:b)$", "^(?:a)(?:b)$"),
        ("^(?:)$", "^$"),
        (r"^(?:a)\$", r"^(?:a)\$"),
        (r"^(?:[)]a)$", "^[)]a$"),
        (r"^(?:a\))$", r"^a\)$"),
        ("$", "$"),
        ("", ""),
    ] {
        assert_eq!(parse(text, Reading::Strict).unwrap().text, unwrapped);
    }
}

#[test]
fn the_whole_is_meant_unless_a_text_says_otherwise() {
    for (text, meant) in [
        ("a|b", "^(?:a|b)$"),
        ("^a", "^a"),
        ("a$", "a$"),
        (r"a\$", r"^(?:a\$)$"),
        (r"a\\$", r"a\\$"),
        (r"\Qa", r"^(?:\Qa\E)$"),
        (r"\Qa$", r"^(?:\Qa$\E)$"),
        (r"\Qa\E\\Qb", r"^(?:\Qa\E\\Qb)$"),
        (r"\\\Q\\E", r"^(?:\\\Q\\E)$"),
    ] {
        assert_eq!(whole(text), meant);
        parse(meant, Reading::Strict).unwrap();
    }
}
